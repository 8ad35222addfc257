"""`snapshot`."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer._click.core import Context
from typer.core import TyperOption

from kubectl_skoop.cli import infra as cloud
from kubectl_skoop.cli import live, parameters
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import emit, report_error
from kubectl_skoop.cli.plugin_options import PluginOptionsCommand, typed_options
from kubectl_skoop.cli.words import spread
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.errors import InputError

_LISTS = ("--node-dump", "--objects", "--infra")


class SnapshotCommand(PluginOptionsCommand, live.LiveCommand):
    """Options of `_LISTS` take all words up to the next option, so that `--node-dump *.dump` works."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args, _LISTS))

    def live_options(self) -> list[TyperOption]:
        return [*live.access_options(), *live.collector_options()]


COMMAND_CLASS = SnapshotCommand


def run(
    ctx: typer.Context,
    file: Annotated[Path, typer.Option("--file", "-f", metavar="FILE", help="The snapshot to write.")],
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
    infra: cloud.Files = None,
    cloud_provider: parameters.CloudProvider = "",
) -> int:
    """Gather a snapshot of a live cluster, or assemble one from node dumps and Kubernetes objects.

    Exit code 3: the file is written, but a node is not in it, or a part of a dump was lost.
    """
    options = Options(cloud_provider=cloud_provider, plugin=typed_options(ctx))
    asked = cloud.Cloud(options, cloud.read(infra or ()))
    if node_dump:
        return _assemble(file, node_dump, objects or [], asked)
    if objects:
        raise InputError(
            "--objects without --node-dump", hint="name the dumps, or neither for a live cluster"
        )
    return _gather(ctx, file, _words(nodes), _words(namespaces), conntrack, asked)


def _gather(
    ctx: typer.Context,
    file: Path,
    only: Sequence[str],
    namespaces: Sequence[str],
    conntrack: str,
    asked: cloud.Cloud,
) -> int:
    from kubectl_skoop.cluster.cluster import unknown
    from kubectl_skoop.collect.live.source import missing
    from kubectl_skoop.diagnosis.wants import allowed

    if not file.parent.is_dir():
        raise InputError(f"{file}: there is no folder {file.parent}")
    given = live.values(ctx)
    with live.opened(given, allowed(), keep=file, namespaces=namespaces, infra=asked.gather) as cluster:
        for name in only:
            if name not in cluster.nodes:
                raise unknown("node", name, cluster.nodes)
        wanted = only or cluster.nodes
        if given.get("dry_run"):
            live.dry_run(cluster, wanted)
        cluster.ask_cloud()
        cluster.collect(wanted, conntrack)
        for name in cluster.nodes:
            if name not in wanted:
                cluster.leave_out(name, "it was not asked for")
    gaps = missing(cluster)
    failed = len(cluster.failed)
    emit(f"{file}: {len(wanted) - failed} of {len(wanted)} nodes, {file.stat().st_size} bytes")
    if gaps:
        report_error(f"not in the snapshot: {'; '.join(map(str, gaps))}")
    return ExitCode.NO_VERDICT if gaps else ExitCode.OK


def _assemble(file: Path, node_dump: Sequence[Path], objects: Sequence[Path], asked: cloud.Cloud) -> int:
    from kubectl_skoop.diagnosis.wants import allowed
    from kubectl_skoop.snapshot.assemble import assemble
    from kubectl_skoop.snapshot.objects_file import read_objects

    found = read_objects(objects, allowed())
    gaps = assemble(node_dump, found, file, time=time.time(), infra=asked.gather if asked.files else None)
    emit(f"{file}: {len(node_dump)} node dumps, {sum(map(len, found.values()))} objects")
    if gaps:
        report_error(f"not in the snapshot: {'; '.join(map(str, gaps))}")
    return ExitCode.NO_VERDICT if gaps else ExitCode.OK


def _words(written: str) -> list[str]:
    return list(dict.fromkeys(word for word in written.split(",") if word))
