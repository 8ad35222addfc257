"""Options that plugins and providers declare (ConfigBinder), as a part of a command.

They are looked up only where the command line has an option that the command itself does not know, where the
environment has one, and for `--help`: nothing else pays for importing a plugin.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import typer
from typer._click.core import Context
from typer._click.formatting import HelpFormatter
from typer.core import TyperCommand

from kubectl_skoop.cli.origin import Origin
from kubectl_skoop.cli.origin import keep as keep_origins
from kubectl_skoop.cli.output import report_warning
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.extension.options import Option
    from kubectl_skoop.diagnosis.result import Fact

_KEY = "kubectl_skoop.plugin_options"
_LINE_KEY = "kubectl_skoop.plugin_options_of_line"
_FILE_KEY = "kubectl_skoop.plugin_options_of_file"
_ENVIRONMENT = "SKOOP_"


class PluginOptionsCommand(TyperCommand):
    """A command that takes the options of every installed plugin and provider, too."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        own = {name for parameter in self.params for name in (*parameter.opts, *parameter.secondary_opts)}
        own.add("--help")
        rest, typed = take(args, own, Owners())
        of_file = ctx.meta.get(_FILE_KEY, {})
        of_variables = from_environment(os.environ, Owners())
        ctx.meta[_LINE_KEY] = tuple(typed)
        ctx.meta[_KEY] = {**of_file, **of_variables, **typed}
        origins = {name: Origin(variable(name), text) for name, text in of_variables.items()}
        keep_origins(ctx, origins, [f"--{name}" for name in typed])
        return super().parse_args(ctx, rest)

    def format_options(self, ctx: Context, formatter: HelpFormatter) -> None:
        super().format_options(ctx, formatter)
        for owner, rows in help_rows():
            with formatter.section(f"Options of {owner}"):
                formatter.write_dl(rows)


def typed_options(ctx: typer.Context) -> Mapping[str, str]:
    """By name without dashes (`flannel-pod-mtu`), as typed.

    The command line outweighs the environment, which outweighs the configuration file.
    """
    typed: Mapping[str, str] = ctx.meta.get(_KEY, {})
    return typed


def warn_of_unused(ctx: typer.Context, facts: "Sequence[Fact]") -> None:
    """Of options on the command line whose plugin or provider was not chosen; a default may be for others."""
    typed: Sequence[str] = ctx.meta.get(_LINE_KEY, ())
    if not typed:
        return
    from kubectl_skoop.diagnosis.extension.registry import PLUGINS, PROVIDERS, installed, load_plugin

    chosen = {fact.name: fact for fact in facts if fact.name in ("network plugin", "cloud provider")}
    used = {fact.value for fact in chosen.values()}
    used |= {other for name in used & set(installed(PLUGINS)) for other in load_plugin(name).companions}
    for name in typed:
        owner = Owners().owner_of(name)
        fact = chosen.get("cloud provider" if owner in installed(PROVIDERS) else "network plugin")
        if owner not in used and fact is not None:
            report_warning(f"--{name} does nothing: the {fact.name} is {fact.value} ({fact.source})")


def give_plugin_options(ctx: Context, of_file: Mapping[str, str]) -> None:
    """Before the command is parsed: those of the configuration file."""
    ctx.meta[_FILE_KEY] = of_file


class Owners:
    """Names of installed plugins and providers, read when first asked for."""

    def __init__(self, names: Sequence[str] | None = None) -> None:
        self._names = names

    def owner_of(self, option: str) -> str | None:
        """The longest name that the option begins with."""
        if self._names is None:
            from kubectl_skoop.diagnosis.extension.registry import PLUGINS, PROVIDERS, installed

            self._names = (*installed(PLUGINS), *installed(PROVIDERS))
        fits = [name for name in self._names if option.startswith(f"{name}-")]
        return max(fits, key=len, default=None)


def take(words: Sequence[str], own: set[str], owners: Owners) -> tuple[list[str], dict[str, str]]:
    """The words that are left for the command, and the options of plugins.

    `--name=value`, `--name value`, and `--name` alone for `true`. Raises: InputError for one given twice.
    """
    rest: list[str] = []
    typed: dict[str, str] = {}
    position = 0
    while position < len(words):
        word = words[position]
        position += 1
        if word == "--":
            return [*rest, *words[position - 1 :]], typed
        name, has_value, value = word.partition("=")
        if not name.startswith("--") or name in own or owners.owner_of(name[2:]) is None:
            rest.append(word)
            continue
        if not has_value:
            following = words[position] if position < len(words) else "-"
            value = "true" if following.startswith("-") else following
            position += not following.startswith("-")
        if name[2:] in typed:
            raise InputError(f"{name} was given twice")
        typed[name[2:]] = value
    return rest, typed


def from_environment(environment: Mapping[str, str], owners: Owners) -> dict[str, str]:
    """`SKOOP_FLANNEL_POD_MTU=1400` is `--flannel-pod-mtu 1400`."""
    names = [name for name in environment if name.startswith(_ENVIRONMENT)]
    options = {name.removeprefix(_ENVIRONMENT).lower().replace("_", "-"): environment[name] for name in names}
    return {name: value for name, value in options.items() if owners.owner_of(name)}


def variable(option: str) -> str:
    """`SKOOP_IMAGE_PULL_POLICY` of `image-pull-policy`."""
    return _ENVIRONMENT + option.upper().replace("-", "_")


def help_rows() -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """For each plugin and provider with options: its name, and (option, text) rows."""
    for owner, entries in all_options().items():
        yield owner, [(f"--{entry.name} {_value(entry.values)}", entry.help) for entry in entries]


def all_options() -> "dict[str, tuple[Option, ...]]":
    """Of each plugin and provider that has some; one that cannot be used is passed over."""
    from kubectl_skoop.diagnosis.extension.options import options_of
    from kubectl_skoop.diagnosis.extension.registry import PLUGINS, PROVIDERS, PluginError, each

    found = {
        name: options_of(one.options, name)
        for name, one in (*each(PLUGINS), *each(PROVIDERS))
        if not isinstance(one, PluginError)
    }
    return {owner: entries for owner, entries in found.items() if entries}


def _value(values: Sequence[str]) -> str:
    """An empty one is told in words."""
    return "|".join(filter(None, values)) or "VALUE"
