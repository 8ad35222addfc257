"""`__complete WORD…`: what the last word could be, in the protocol of kubectl's plugins (that of Cobra).

A candidate a line, a tab and what it is; last a colon and a number that tells the shell what to do: 0 offer
files, 2 no space after the word, 4 no files (spf13/cobra, completions.go, ShellCompDirective).
"""

import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from typer._click.core import Context, Parameter
from typer._click.shell_completion import _resolve_context, _resolve_incomplete
from typer.core import TyperOption
from typer.models import TyperPath

from kubectl_skoop.cli.group import COMMANDS, LazyGroup
from kubectl_skoop.cli.plugin_options import Owners, PluginOptionsCommand

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.extension.options import Option

PATIENCE = 3.0
"""Seconds for a cluster or a large snapshot to say its names; then nothing is offered."""
FILES, NO_SPACE, NO_FILES = 0, 2, 4
_FILE_PARAMETERS = frozenset(
    {"after", "before", "keep", "kubeconfig", "original", "pods", "runtime_socket", "snapshot"}
)
"""Their values are files, though their type does not say so."""
_HARMLESS = re.compile(r"[A-Za-z0-9_.:/,@+=-]+")


class Candidate(NamedTuple):
    value: str
    about: str = ""


class Completion(NamedTuple):
    candidates: tuple[Candidate, ...]
    directive: int


NOTHING = Completion((), NO_FILES)


def answer(words: Sequence[str]) -> str:
    """What is printed. In bounded time, and without a word about what went wrong."""
    found = [NOTHING]

    def look() -> None:
        try:
            found[0] = complete(words)
        except Exception:  # noqa: BLE001 - whoever presses the tab key wants no error there
            return

    # The process ends without waiting for one that hangs.
    asked = threading.Thread(target=look, daemon=True)
    asked.start()
    asked.join(PATIENCE)
    completion = found[0]
    lines = ["\t".join(filter(None, candidate)) for candidate in completion.candidates]
    return "\n".join([*lines, f":{completion.directive}"])


def complete(words: Sequence[str]) -> Completion:
    """`words`: after the program's name; the last one is incomplete, and may be empty."""
    from typer.main import get_command

    from kubectl_skoop.cli.app import PROGRAM, app

    *before, incomplete = words or [""]
    before = [word for word in before if word != "--debug"]
    ctx = _resolve_context(get_command(app), {}, PROGRAM, before)
    if isinstance(ctx.command, LazyGroup):
        unknown = any(not word.startswith("-") for word in before)
        return NOTHING if unknown else _with_prefix(_commands(), incomplete)
    if isinstance(ctx.command, PluginOptionsCommand) and before and Owners().owner_of(before[-1][2:]):
        return _with_prefix(_plugin_values(before[-1]), incomplete)
    asked, incomplete = _resolve_incomplete(ctx, before, incomplete)
    if not isinstance(asked, Parameter):
        return _with_prefix(_options(ctx), incomplete) if incomplete.startswith("-") else NOTHING
    return _values(ctx, asked, incomplete)


def _commands() -> Iterator[Candidate]:
    for name, command in COMMANDS.items():
        yield Candidate(name, command.text)
    yield Candidate("--help")
    yield Candidate("--debug")


def _options(ctx: Context) -> Iterator[Candidate]:
    """Those that can still be given; of plugins, too."""
    for parameter in ctx.command.params:
        if not isinstance(parameter, TyperOption) or parameter.hidden:
            continue
        source = ctx.get_parameter_source(parameter.name or "")
        if parameter.multiple or source is None or source.name != "COMMANDLINE":
            yield from (Candidate(name, parameter.help or "") for name in parameter.opts)
    yield Candidate("--help")
    if isinstance(ctx.command, PluginOptionsCommand):
        for entry in _plugin_options():
            yield Candidate(f"--{entry.name}", entry.help)


def _plugin_values(option: str) -> Iterator[Candidate]:
    for entry in _plugin_options():
        if f"--{entry.name}" == option:
            yield from (Candidate(value) for value in entry.values if value)


def _plugin_options() -> "Iterator[Option]":
    from kubectl_skoop.cli.plugin_options import all_options

    return chain.from_iterable(all_options().values())


def _values(ctx: Context, parameter: Parameter, incomplete: str) -> Completion:
    known = KNOWN.get(parameter.name or "")
    if known is not None:
        return _with_prefix(known(ctx, incomplete), incomplete)
    if parameter.name in _FILE_PARAMETERS or isinstance(parameter.type, TyperPath):
        return Completion((), FILES)
    items = parameter.shell_complete(ctx, incomplete)
    return _with_prefix((Candidate(str(item.value), item.help or "") for item in items), incomplete)


def _with_prefix(candidates: Iterable[Candidate], incomplete: str) -> Completion:
    """Without what a shell does not take as it is: names are a stranger's, and bash inserts them unquoted."""
    fitting = dict.fromkeys(
        Candidate(value, about.partition("\n")[0])
        for value, about in candidates
        if value.startswith(incomplete) and _HARMLESS.fullmatch(value)
    )
    open_ended = bool(fitting) and all(value.endswith("/") for value, _ in fitting)
    return Completion(tuple(fitting), NO_FILES | (NO_SPACE if open_ended else 0))


def _plain(values: Iterable[str]) -> Iterator[Candidate]:
    return map(Candidate, values)


def _resources(*kinds: str) -> Callable[[Context, str], Iterator[Candidate]]:
    def found(ctx: Context, incomplete: str) -> Iterator[Candidate]:
        from kubectl_skoop.cli.names import named, resources

        with named(ctx) as names:
            return _plain(list(resources(names, kinds, incomplete)))

    return found


def _namespaces(ctx: Context, incomplete: str) -> Iterator[Candidate]:
    from kubectl_skoop.cli.names import named

    with named(ctx) as names:
        return _plain(_of_list(incomplete, names.namespaces()))


def _nodes(ctx: Context, incomplete: str) -> Iterator[Candidate]:
    from kubectl_skoop.cli.names import named

    with named(ctx) as names:
        return _plain(_of_list(incomplete, names.nodes()))


def _of_list(incomplete: str, names: Iterable[str]) -> list[str]:
    """The last of names that commas separate."""
    head, comma, _ = incomplete.rpartition(",")
    return [f"{head}{comma}{name}" for name in names]


def _kubeconfig(section: str) -> Callable[[Context, str], Iterator[Candidate]]:
    def found(ctx: Context, incomplete: str) -> Iterator[Candidate]:
        from kubectl_skoop.cli.names import kubeconfig_names

        return _plain(kubeconfig_names(ctx, section))

    return found


def _installed(group: str) -> Callable[[Context, str], Iterator[Candidate]]:
    def found(ctx: Context, incomplete: str) -> Iterator[Candidate]:
        from kubectl_skoop.diagnosis.extension import registry

        names = registry.installed(getattr(registry, group))
        return _plain(name for name in names if registry.AGAIN not in name)

    return found


def _codes(ctx: Context, incomplete: str) -> Iterator[Candidate]:
    from kubectl_skoop.model.codes import CODES

    return (Candidate(code, text) for code, text in sorted(CODES.items()))


def _tables(ctx: Context, incomplete: str) -> Iterator[Candidate]:
    from kubectl_skoop.report.inspect import WHATS

    return _plain(WHATS)


def _modes(ctx: Context, incomplete: str) -> Iterator[Candidate]:
    return _plain(("iptables", "ipvs", "nftables"))


_ENDS = _resources("pod", "svc", "node", "deploy", "sts", "ds")

KNOWN: Mapping[str, Callable[[Context, str], Iterator[Candidate]]] = {
    **dict.fromkeys(("src", "dst", "src_argument", "dst_argument"), _ENDS),
    **dict.fromkeys(("source", "destination"), _ENDS),
    "place": _resources("node", "pod"),
    "what": _tables,
    "code": _codes,
    "namespace": _namespaces,
    "namespaces": _namespaces,
    "collector_namespace": _namespaces,
    "node": _nodes,
    "nodes": _nodes,
    "context": _kubeconfig("contexts"),
    "cluster": _kubeconfig("clusters"),
    "user": _kubeconfig("users"),
    "network_plugin": _installed("PLUGINS"),
    "cloud_provider": _installed("PROVIDERS"),
    "proxy_mode": _modes,
}
"""By the parameter's name in Python, whatever the command: what it can be."""
