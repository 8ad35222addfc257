"""What `connectivity` and `policies` read: a snapshot, manifests, or the objects of a live cluster."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kubectl_skoop.cli import live, parameters
from kubectl_skoop.cli.defaults import Rank, rank
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import report_warning
from kubectl_skoop.cli.words import spread
from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.policy.listed import check_listed
from kubectl_skoop.model.errors import InputError, NoVerdict

if TYPE_CHECKING:
    from kubectl_skoop.cluster.policy.ends import Flow
    from kubectl_skoop.cluster.policy.evaluate import PolicySet

PolicyProtocol = Literal["tcp", "udp", "sctp", "icmp"]
Reading = Literal["auto", "plain", "calico", "cilium"]
Manifests = Annotated[
    list[Path] | None,
    typer.Option("--manifests", metavar="FILE-OR-DIR…", help="Kubernetes objects instead of a snapshot."),
]
Port = Annotated[
    str,
    typer.Option("--port", "-p", metavar="PORT", help="Number, or a name that a service or container gives."),
]
Namespace = Annotated[
    str, typer.Option("--namespace", "-n", metavar="NAME", help="For names that bear none.")
]
ReadAs = Annotated[
    Reading,
    typer.Option("--read-as", help="Whose reading of NetworkPolicy counts where readings differ."),
]
_OPTION = "--manifests"


def spread_manifests(words: Sequence[str]) -> list[str]:
    """`--manifests a b` as `--manifests a --manifests b`."""
    return spread(words, (_OPTION,))


@contextmanager
def cluster_of(
    ctx: typer.Context, snapshot: Path | None, manifests: Sequence[Path] | None
) -> Iterator[Cluster]:
    """A snapshot, manifests (they outweigh a snapshot that the environment names), or the live objects.

    Raises: InputError, FormatError, ClusterError.
    """
    if manifests and rank(ctx, "snapshot") is Rank.COMMAND_LINE:
        raise InputError("--snapshot and --manifests: ask one of them", hint="--diff OTHER compares two")
    if manifests or (snapshot is not None and not live.outweighs(ctx)):
        with cluster_of_file(snapshot, manifests) as cluster:
            yield cluster
    else:
        yield Cluster(live.objects(ctx))


@contextmanager
def cluster_of_file(snapshot: Path | None, manifests: Sequence[Path] | None) -> Iterator[Cluster]:
    """One of both must be there. Manifests are all that there is: what they lack nobody warns of.

    Raises: InputError, FormatError; NoVerdict where pods were not collected, and at the end, if the file is
    damaged, or has lost objects that were asked for.
    """
    if manifests:
        yield manifest_cluster(manifests)
    elif snapshot is not None:
        with parameters.opened(snapshot) as source:
            cluster = Cluster(source)
            warning = warning_of(cluster)
            yield cluster
            for gap in (*source.file.damage, *source.lost_objects):
                raise NoVerdict(f"{gap}; the answer rests on what is whole")
            if warning:
                report_warning(warning)


def warning_of(cluster: Cluster) -> str:
    """Of a snapshot whose policies nobody may have listed. Raises: NoVerdict, if pods were not collected."""
    from kubectl_skoop.snapshot.source import Snapshot

    source = cluster.source
    return check_listed(source, source.kinds()) if isinstance(source, Snapshot) else ""


def manifest_cluster(paths: Sequence[Path]) -> Cluster:
    """Raises: FormatError."""
    from kubectl_skoop.cluster.workloads import WITH_WORKLOADS, with_template_pods
    from kubectl_skoop.snapshot.objects_file import read_objects

    return Cluster(PlainObjects(with_template_pods(read_objects(paths, WITH_WORKLOADS))))


def policies_of(cluster: Cluster, reading: Reading, namespaces: Collection[str] | None = None) -> "PolicySet":
    """`namespaces`: of the pods that are asked about; None: of all.

    Raises: NoVerdict, if policies are there that cannot be read.
    """
    from kubectl_skoop.cluster.policy.evaluate import policy_set

    dialect = None if reading == "auto" else "" if reading == "plain" else reading
    found = policy_set(cluster, dialect, namespaces)
    if found.missing:
        raise NoVerdict(f"policies could not be read: {'; '.join(map(str, found.missing))}")
    return found


def code_of(flows: "Sequence[Flow]") -> ExitCode:
    """Of one question."""
    from kubectl_skoop.cluster.policy.ends import verdict_of
    from kubectl_skoop.cluster.policy.rule import Verdict

    match verdict_of(flows):
        case Verdict.ACCEPT:
            return ExitCode.OK
        case Verdict.DENY:
            return ExitCode.FINDINGS
        case _:
            return ExitCode.NO_VERDICT
