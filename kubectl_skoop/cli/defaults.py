"""Defaults of options: what the environment says (`SKOOP_OUTPUT`), and below it the configuration file.

The command line outweighs both. Options that are part of a question (who, to whom, which port) have no such
defaults: an answer must not depend on a variable that was forgotten.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from enum import IntEnum
from pathlib import Path
from typing import NamedTuple

import typer
from typer._click.core import Context, Parameter
from typer.core import TyperCommand, TyperOption

from kubectl_skoop.cli.origin import Origin
from kubectl_skoop.cli.origin import keep as keep_origins
from kubectl_skoop.cli.plugin_options import Owners, give_plugin_options, variable
from kubectl_skoop.model.errors import InputError

OPTIONS = frozenset(
    {
        *("as", "as-group", "cluster", "context", "kubeconfig", "request-timeout", "snapshot", "user"),
        *("collector-deadline", "collector-namespace", "debug-image", "image", "image-pull-policy"),
        *("image-pull-secret", "parallel", "pod-wait", "privileged", "runtime-socket"),
        *("cloud-provider", "cluster-cidr", "network-plugin", "proxy-mode", "read-as"),
        "service-cidr",
        *("color", "namespace", "output"),
    }
)
"""That may have a default; each command takes those that it has."""
CONFIG = "SKOOP_CONFIG"
"""Names another file; empty: none."""
_FILES = frozenset({"kubeconfig", "snapshot"})
_KEY = "kubectl_skoop.defaults"
_SEPARATOR = re.compile(r"[,\s]+")


class Rank(IntEnum):
    """Where a value is from: what is higher outweighs."""

    NOWHERE = 0
    FILE = 1
    ENVIRONMENT = 2
    COMMAND_LINE = 3


class Default(NamedTuple):
    """Of one option."""

    text: str | list[str]
    """As it would be on the command line; a list where the option may be repeated."""
    rank: Rank
    origin: str
    """For messages: the variable, or the file with its key."""


def set_defaults(
    ctx: Context,
    command: TyperCommand,
    name: str,
    words: Sequence[str],
    environment: Mapping[str, str] = os.environ,
) -> None:
    """For the command `name`, whose `words` are about to be parsed below `ctx`. Raises: InputError."""
    options = {option: param for param in command.params if (option := option_name(param)) in OPTIONS}
    if not options:
        return
    path = config_path(environment)
    config = read(path) if path is not None and path.exists() else {}
    found = dict(_from_file(config, name, options, str(path))) | dict(_from_environment(environment, options))
    for option, default in found.items():
        try:
            options[option].type_cast_value(ctx, default.text)
        except typer.BadParameter as error:
            raise InputError(f"{default.origin}: {error.message}") from error
    by_parameter = {options[option].name: default for option, default in found.items()}
    ctx.meta[_KEY] = by_parameter
    ctx.default_map = {name: {parameter: default.text for parameter, default in by_parameter.items()}}
    of_plugins = _of_plugins(config, name)
    give_plugin_options(ctx, of_plugins)
    origins = {option: Origin(default.origin, str(default.text)) for option, default in found.items()}
    origins |= {option: Origin(f"{path}: {option}", text) for option, text in of_plugins.items()}
    keep_origins(ctx, origins, words)


def rank(ctx: Context, parameter: str) -> Rank:
    """Of the value that a parameter has, by its name in Python."""
    source = ctx.get_parameter_source(parameter)
    if source is not None and source.name == "COMMANDLINE":
        return Rank.COMMAND_LINE
    default: Default | None = ctx.meta.get(_KEY, {}).get(parameter)
    return default.rank if default is not None else Rank.NOWHERE


def option_name(parameter: Parameter) -> str:
    """Its first long name without dashes; empty: an argument."""
    if not isinstance(parameter, TyperOption):
        return ""
    return next((name[2:] for name in parameter.opts if name.startswith("--")), "")


def config_path(environment: Mapping[str, str]) -> Path | None:
    """Raises: InputError where SKOOP_CONFIG names a file that is not there."""
    named = environment.get(CONFIG)
    if named is not None:
        path = Path(named).expanduser()
        if named and not path.is_file():
            raise InputError(f"{CONFIG}={named}: no such file")
        return path if named else None
    home = environment.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home, "kubectl-skoop", "config.toml").expanduser()


def read(path: Path) -> Mapping[str, object]:
    """The file, checked: each key is an option, or a command with a table of options.

    Raises: InputError.
    """
    import tomllib

    from kubectl_skoop.cli.group import COMMANDS

    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or 'cannot be read').lower()}") from error
    for key, value in content.items():
        if isinstance(value, dict) and key in COMMANDS:
            for inner, option in value.items():
                _check(path, f"{key}.", inner, option)
        else:
            _check(path, "", key, value, COMMANDS)
    return content


def _check(
    path: Path, section: str, key: str, value: object, commands: Mapping[str, object] | None = None
) -> None:
    """Raises: InputError."""
    if key not in OPTIONS and Owners().owner_of(key) is None:
        if key in (commands or ()):
            raise InputError(f"{path}: {key} is a command", hint=f"[{key}] begins a table with its options")
        near = get_close_matches(key, [*OPTIONS, *(commands or ())], n=1)
        hint = (
            f"did you mean {near[0]}?" if near else f"options that may be here: {', '.join(sorted(OPTIONS))}"
        )
        raise InputError(f"{path}: unknown key {section}{key}", hint=hint)
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str | int) for one in values):
        raise InputError(f"{path}: {section}{key} must be a text, a number, true or false")


def _from_file(
    config: Mapping[str, object], name: str, options: Mapping[str, Parameter], path: str
) -> Iterator[tuple[str, Default]]:
    """What stands below `[command]` outweighs what stands above."""
    for section, prefix in ((config, ""), (_table(config, name), f"{name}.")):
        for option, value in section.items():
            if option in options and not isinstance(value, dict):
                text = _text(value, repeated=options[option].multiple)
                if option in _FILES:
                    text = os.path.expanduser(text) if isinstance(text, str) else text
                yield option, Default(text, Rank.FILE, f"{path}: {prefix}{option}")


def _from_environment(
    environment: Mapping[str, str], options: Mapping[str, Parameter]
) -> Iterator[tuple[str, Default]]:
    for option, parameter in options.items():
        if value := environment.get(variable(option), ""):
            text = _SEPARATOR.split(value) if parameter.multiple else value
            yield option, Default(text, Rank.ENVIRONMENT, variable(option))


def _of_plugins(config: Mapping[str, object], name: str) -> dict[str, str]:
    known = Owners()
    values = {**config, **_table(config, name)}
    texts = {key: _text(value, repeated=False) for key, value in values.items() if key not in OPTIONS}
    return {key: str(text) for key, text in texts.items() if known.owner_of(key)}


def _table(config: Mapping[str, object], name: str) -> Mapping[str, object]:
    table = config.get(name, {})
    return table if isinstance(table, dict) else {}


def _text(value: object, *, repeated: bool) -> str | list[str]:
    if repeated:
        return [str(one) for one in (value if isinstance(value, list) else [value])]
    return str(value).lower() if isinstance(value, bool) else str(value)
