"""`inspect [PLACE] [WHAT]`."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Annotated, Literal

import typer

from kubectl_skoop.cli import live, parameters
from kubectl_skoop.cli.output import emit
from kubectl_skoop.cluster.cluster import Cluster, unknown
from kubectl_skoop.cluster.resolve import resolve
from kubectl_skoop.model.errors import InputError, NoVerdict, UnknownName
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.report import inspect as printing
from kubectl_skoop.report.json import json_pieces, json_text
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.source import Snapshot

Output = Literal["table", "json"]
COMMAND_CLASS = live.LiveCommand


def run(
    ctx: typer.Context,
    place: Annotated[
        str, typer.Argument(metavar="[PLACE]", show_default=False, help="node/NAME, or a pod.")
    ] = "",
    what: Annotated[
        str, typer.Argument(metavar="[WHAT]", show_default=False, help=", ".join(printing.WHATS))
    ] = "",
    snapshot: parameters.SnapshotFile = None,
    namespace: Annotated[
        str, typer.Option("--namespace", "-n", metavar="NAME", help="For a pod's name that bears none.")
    ] = "",
    output: Annotated[Output, typer.Option("--output", "-o")] = "table",
    no_headers: parameters.NoHeaders = False,
) -> None:
    """Print what was collected, as the usual tools print it. Without PLACE: an overview."""
    if what and what not in printing.WHATS:
        near = get_close_matches(what, printing.WHATS, n=1)
        hint = f"did you mean {near[0]}?" if near else ""
        raise InputError(f"{what}: must be one of {', '.join(printing.WHATS)}", hint=hint)
    scope = live.namespace(ctx, namespace, snapshot)
    emit(live.ask(ctx, snapshot, lambda source: _text(source, place, what, scope, output, not no_headers)))


def _text(
    source: Snapshot, place: str, what: str, namespace: str, output: Output, headers: bool
) -> str | Iterator[str]:
    if not place:
        if output == "json":
            return json_text(printing.overview_data(source))
        return printing.overview(source, headers=headers)
    tables = tables_at(source, place_of(source, place, namespace))
    asked = [what] if what else list(printing.WHATS)
    if output == "json":
        return json_pieces({one: printing.table_data(one, tables) for one in asked})
    return "\n".join(_printed(one, tables, headed=not what, headers=headers) for one in asked)


def _printed(what: str, tables: Mapping[str, Table], *, headed: bool, headers: bool) -> str:
    text = printing.print_table(what, tables, headers=headers)
    return f"== {what}\n{text}\n" if headed else text


def place_of(source: Snapshot, written: str, namespace: str) -> Place:
    """A node, or a pod; also in a node's dump, which has no objects.

    Raises: InputError, UnknownName with the nearest names.
    """
    head, _, rest = written.partition("/")
    if head in ("node", "no", "nodes"):
        if rest not in source.nodes():
            names = {*source.nodes(), *(node.name for node in Cluster(source).nodes())}
            if rest not in names:
                raise unknown("node", rest, sorted(names))
        return Place("node", rest)
    if source.kinds():
        target = resolve(Cluster(source), written, namespace)
        if target.kind not in ("pod", "node"):
            raise InputError(f"{written} is a {target.kind}: name a node or a pod")
        return Place("pod" if target.kind == "pod" else "node", target.name)
    return Place("pod", _pod_of_dumps(source, rest if head in ("pod", "po", "pods") else written, namespace))


def _pod_of_dumps(source: Snapshot, name: str, namespace: str) -> str:
    nodes = [node for node in map(source.node, source.nodes()) if not isinstance(node, NotCollected)]
    pods = sorted({pod for node in nodes for entry in node.namespaces for pod in entry.pods})
    wanted = f"{namespace}/{name}" if namespace and "/" not in name else name
    fitting = [pod for pod in pods if pod == wanted or ("/" not in wanted and pod.endswith(f"/{wanted}"))]
    if len(fitting) > 1:
        raise UnknownName(f"{name} is not one pod: {', '.join(fitting)}", hint="add its namespace")
    if not fitting:
        raise unknown("pod", name, pods)
    return fitting[0]


def tables_at(source: Snapshot, place: Place) -> Mapping[str, Table]:
    """Raises: NoVerdict where it was not collected, or is lost."""
    tables = source.raw_tables(place)
    if isinstance(tables, NotCollected):
        raise NoVerdict(str(tables))
    return tables
