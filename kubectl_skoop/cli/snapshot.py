"""`snapshot`."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from typer._click.core import Context
from typer.core import TyperOption

from kubectl_skoop.cli import in_cluster, live
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.outcome import NOT_ASKED_FOR, outcome, tell
from kubectl_skoop.cli.output import emit, report_error
from kubectl_skoop.model.errors import InputError

_LISTS = ("--node-dump", "--objects")


class SnapshotCommand(live.LiveCommand):
    """Options of `_LISTS` take all words up to the next option, so that `--node-dump *.dump` works."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args))

    def live_options(self) -> list[TyperOption]:
        return [
            *live.access_options(),
            *live.collector_options(),
            *in_cluster.options(),
            *in_cluster.pod_options(),
        ]


COMMAND_CLASS = SnapshotCommand


def spread(words: Sequence[str], lists: Sequence[str] = _LISTS) -> list[str]:
    """`--objects a b` as `--objects a --objects b`."""
    spread: list[str] = []
    option, taken = "", 0
    for word in words:
        if word.startswith("-"):
            option, taken = (word if word in lists else ""), 0
        elif option:
            if taken:
                spread.append(option)
            taken += 1
        spread.append(word)
    return spread


def run(
    ctx: typer.Context,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="FILE", help="The snapshot to write.")
    ] = None,
    nodes: Annotated[
        str, typer.Option("--nodes", metavar="NAME,…", help="Only these nodes; default: all.")
    ] = "",
    namespaces: Annotated[
        str,
        typer.Option(
            "--namespaces", metavar="NAME,…", help="Only objects of these namespaces; default: of all."
        ),
    ] = "",
    conntrack: Annotated[
        Literal["all", "none"],
        typer.Option("--conntrack", help="Entries of connection tracking."),
    ] = "all",
    node_dump: Annotated[
        list[Path] | None,
        typer.Option("--node-dump", metavar="FILE…", help="Assemble: what 'collect' wrote on a node."),
    ] = None,
    objects: Annotated[
        list[Path] | None,
        typer.Option(
            "--objects",
            metavar="FILE-OR-DIR…",
            help="Assemble: Kubernetes objects, as 'kubectl get -o yaml' or '-o json'.",
        ),
    ] = None,
) -> int:
    """Gather a snapshot of a live cluster, or assemble one from node dumps and Kubernetes objects.

    Exit code 3: the file is written, but a node is not in it, or a part of a dump was lost.
    """
    given = live.values(ctx)
    in_cluster.check(given, file, assembles=bool(node_dump or objects))
    if file is not None and node_dump:
        return _assemble(file, node_dump, objects or [])
    if objects:
        raise InputError(
            "--objects without --node-dump", hint="name the dumps, or neither for a live cluster"
        )
    if file is not None and not file.parent.is_dir():
        raise InputError(f"{file}: there is no folder {file.parent}")
    if file is None or "in_cluster" in given:
        words = ["--conntrack", conntrack, *(["--namespaces", namespaces] if namespaces else [])]
        return in_cluster.start(given, file, _words(nodes), words)
    if "resume" in given:
        return in_cluster.resume(given, file)
    return _gather(given, file, _words(nodes), _words(namespaces), conntrack)


def _gather(
    given: Mapping[str, Any], file: Path, only: Sequence[str], namespaces: Sequence[str], conntrack: str
) -> int:
    from kubectl_skoop.cluster.cluster import unknown
    from kubectl_skoop.diagnosis.wants import allowed

    with live.opened(given, allowed(), keep=file, namespaces=namespaces) as cluster:
        for name in only:
            if name not in cluster.nodes:
                raise unknown("node", name, cluster.nodes)
        wanted = only or cluster.nodes
        if given.get("dry_run"):
            live.dry_run(cluster, wanted)
        cluster.collect(wanted, conntrack)
        for name in cluster.nodes:
            if name not in wanted:
                cluster.leave_out(name, NOT_ASKED_FOR)
    return tell(str(file), outcome(file), file.stat().st_size)


def _assemble(file: Path, node_dump: Sequence[Path], objects: Sequence[Path]) -> int:
    from kubectl_skoop.diagnosis.wants import allowed
    from kubectl_skoop.snapshot.assemble import assemble
    from kubectl_skoop.snapshot.objects_file import read_objects

    found = read_objects(objects, allowed())
    gaps = assemble(node_dump, found, file, time=time.time())
    emit(f"{file}: {len(node_dump)} node dumps, {sum(map(len, found.values()))} objects")
    if gaps:
        report_error(f"not in the snapshot: {'; '.join(map(str, gaps))}")
    return ExitCode.NO_VERDICT if gaps else ExitCode.OK


def _words(written: str) -> list[str]:
    return list(dict.fromkeys(word for word in written.split(",") if word))
