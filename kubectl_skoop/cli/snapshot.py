"""`snapshot`."""

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from typer._click.core import Context
from typer.core import TyperOption

from kubectl_skoop.cli import in_cluster, live, parameters, redact
from kubectl_skoop.cli import infra as cloud
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.outcome import NOT_ASKED_FOR, outcome, tell
from kubectl_skoop.cli.output import emit, report_error, report_note, report_warning
from kubectl_skoop.cli.plugin_options import PluginOptionsCommand, typed_options
from kubectl_skoop.cli.words import spread
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.collect.live.estimate import Estimate
    from kubectl_skoop.diagnosis.extension.registry import PluginError

_LISTS = ("--node-dump", "--objects", "--infra")


class SnapshotCommand(PluginOptionsCommand, live.LiveCommand):
    """Options of `_LISTS` take all words up to the next option, so that `--node-dump *.dump` works."""

    def parse_args(self, ctx: Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args, _LISTS))

    def live_options(self) -> list[TyperOption]:
        return [
            *live.access_options(),
            *live.collector_options(),
            *in_cluster.options(),
            *in_cluster.pod_options(),
        ]


COMMAND_CLASS = SnapshotCommand


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
        Literal["all", "relevant", "none"],
        typer.Option(
            "--conntrack",
            help="Entries of connection tracking; relevant: those between two addresses of the cluster.",
        ),
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
    redacted: Annotated[
        bool, typer.Option("--redact", help="Write only what can be sent, as 'redact' does.")
    ] = False,
    map_file: redact.MapFile = None,
    key_file: redact.KeyFile = None,
) -> int:
    """Gather a snapshot of a live cluster, or assemble one from node dumps and Kubernetes objects.

    Exit code 3: the file is written, but a node is not in it, a part of a dump was lost, or the cloud could
    not be asked.
    """
    given = live.values(ctx)
    later = [*(["--redact"] if redacted else []), *(["--infra"] if infra else [])]
    in_cluster.check(given, file, assembles=bool(node_dump or objects), later=later)
    if objects and not node_dump:
        raise InputError(
            "--objects without --node-dump", hint="name the dumps, or neither for a live cluster"
        )
    if not redacted and (map_file or key_file):
        raise InputError(f"{'--map' if map_file else '--key-file'} without --redact")
    if file is not None:
        from kubectl_skoop.snapshot.output_file import check_target

        check_target(file)
    if file is None or "in_cluster" in given:
        return in_cluster.start(
            given, file, _words(nodes), _words_of_pod(conntrack, namespaces, cloud_provider)
        )
    if "resume" in given:
        return in_cluster.resume(given, file)
    options = Options(cloud_provider=cloud_provider, plugin=typed_options(ctx))
    asked = cloud.Cloud(options, cloud.read(infra or ()))

    def write(path: Path, named: str) -> int:
        if node_dump:
            return _assemble(path, named, node_dump, objects or [], asked)
        return _gather(given, path, named, _words(nodes), _words(namespaces), conntrack, asked)

    return _redacted(write, file, map_file, key_file) if redacted else write(file, str(file))


def _redacted(
    write: Callable[[Path, str], int], file: Path, map_file: Path | None, key_file: Path | None
) -> int:
    """What is gathered is in a folder that only this user may read, until it is redacted."""
    redact.check_targets(None, file, map_file)
    key = redact.read_key(key_file)
    with TemporaryDirectory(prefix="kubectl-skoop-") as folder:
        whole = Path(folder) / "whole.skoop"
        code = write(whole, "before it is redacted")
        with parameters.opened(whole) as source:
            return max(code, redact.write_redacted(source, file, map_file, key))


def _gather(
    given: Mapping[str, Any],
    file: Path,
    named: str,
    only: Sequence[str],
    namespaces: Sequence[str],
    conntrack: str,
    asked: cloud.Cloud,
) -> int:
    from kubectl_skoop.cluster.cluster import unknown
    from kubectl_skoop.diagnosis.extension.wants import allowed

    keep = allowed(_left_out)
    with live.opened(given, keep, keep=file, namespaces=namespaces, infra=asked.gather) as cluster:
        for name in only:
            if name not in cluster.nodes:
                raise unknown("node", name, cluster.nodes)
        wanted = only or cluster.nodes
        expected = cluster.estimate(wanted)
        if given.get("dry_run"):
            live.dry_run(cluster, wanted, f"{expected} {_ESTIMATED}")
        if expected.large:
            report_note(f"{expected} {_ESTIMATED}")
        cluster.ask_cloud()
        cluster.collect(wanted, conntrack, lambda better: _refine(expected, better))
        for name in cluster.nodes:
            if name not in wanted:
                cluster.leave_out(name, NOT_ASKED_FOR)
    return tell(named, outcome(file), file.stat().st_size)


def _left_out(error: "PluginError") -> None:
    report_warning(f"{error}; what it wants of the objects is left out")


_ESTIMATED = "(an estimate by the numbers of pods and services; connections and image pulls come on top)"


def _refine(expected: "Estimate", better: "Estimate") -> None:
    if expected.large or better.large:
        report_note(f"by the first nodes: {better}")


def _assemble(
    file: Path, named: str, node_dump: Sequence[Path], objects: Sequence[Path], asked: cloud.Cloud
) -> int:
    from kubectl_skoop.diagnosis.extension.wants import allowed
    from kubectl_skoop.snapshot.assemble import assemble
    from kubectl_skoop.snapshot.objects_file import read_objects

    found = read_objects(objects, allowed(_left_out))
    gaps = assemble(node_dump, found, file, time=time.time(), infra=asked.gather if asked.files else None)
    emit(f"{named}: {len(node_dump)} node dumps, {sum(map(len, found.values()))} objects")
    if gaps:
        report_error(f"not in the snapshot: {'; '.join(map(str, gaps))}")
    return ExitCode.NO_VERDICT if gaps else ExitCode.OK


def _words_of_pod(conntrack: str, namespaces: str, cloud_provider: str) -> list[str]:
    """What is asked for in the cluster. Options of providers are of this machine: its region, its profile.

    Raises: InputError (no such provider): here, where it is told at once; the pod would try again.
    """
    if cloud_provider:
        from kubectl_skoop.diagnosis.extension.registry import load_provider

        load_provider(cloud_provider)
    optional = {"--namespaces": namespaces, "--cloud-provider": cloud_provider}
    given = [word for option, value in optional.items() if value for word in (option, value)]
    return ["--conntrack", conntrack, *given]


def _words(written: str) -> list[str]:
    return list(dict.fromkeys(word for word in written.split(",") if word))
