"""Options that several commands share, declared once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kubectl_skoop.snapshot.source import Snapshot


def named_file(text: str) -> Path:
    """An empty name would be this folder's. Raises: BadParameter."""
    if not str(text):
        raise typer.BadParameter("no file is named")
    return Path(text)


SnapshotFile = Annotated[
    Path | None,
    typer.Option(
        "--snapshot",
        metavar="FILE",
        parser=named_file,
        help="The snapshot to ask, or a folder that holds it; or the variable SKOOP_SNAPSHOT.",
    ),
]
NetworkPlugin = Annotated[
    str, typer.Option("--network-plugin", metavar="NAME", help="The cluster's CNI; default: detected.")
]
CloudProvider = Annotated[
    str, typer.Option("--cloud-provider", metavar="NAME", help="The cloud; default: detected.")
]
ProxyMode = Annotated[
    str, typer.Option("--proxy-mode", metavar="MODE", help="kube-proxy's mode; default: detected.")
]
ClusterCidr = Annotated[
    str, typer.Option("--cluster-cidr", metavar="CIDR,...", help="The pods' networks; default: detected.")
]
ServiceCidr = Annotated[
    str,
    typer.Option("--service-cidr", metavar="CIDR,...", help="The services' networks; default: detected."),
]

NoHeaders = Annotated[bool, typer.Option("--no-headers", help="No headings above the columns.")]


def located(path: Path) -> Path:
    """The file itself, or the one snapshot in a folder. Raises: InputError."""
    if not path.is_dir():
        return path
    from kubectl_skoop.snapshot.bundle import snapshot_in

    return snapshot_in(path)


@contextmanager
def opened(path: Path) -> Iterator["Snapshot"]:
    """The snapshot to ask; of a folder (an unpacked bundle) the one in it. Raises: InputError."""
    from kubectl_skoop.snapshot.source import open_snapshot

    snapshot = open_snapshot(located(path))
    try:
        yield snapshot
    finally:
        snapshot.close()
