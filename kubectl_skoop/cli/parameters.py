"""Options that several commands share, declared once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.snapshot.source import Snapshot

LISTED = 5
"""Snapshots that are named where there are several."""

SnapshotFile = Annotated[
    Path | None,
    typer.Option("--snapshot", metavar="FILE", help="The snapshot to ask; or the variable SKOOP_SNAPSHOT."),
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
    str, typer.Option("--cluster-cidr", metavar="CIDR", help="The pods' network; default: detected.")
]


@contextmanager
def opened(path: Path) -> Iterator["Snapshot"]:
    """The snapshot to ask; of a folder (an unpacked bundle) the one in it. Raises: InputError."""
    from kubectl_skoop.snapshot.source import open_snapshot

    snapshot = open_snapshot(_within(path) if path.is_dir() else path)
    try:
        yield snapshot
    finally:
        snapshot.close()


def _within(folder: Path) -> Path:
    """Links are not followed: a bundle is a stranger's. Raises: InputError unless there is exactly one."""
    found = list(islice(_snapshots(folder), LISTED + 1))
    match found:
        case [only]:
            return only
        case []:
            raise InputError(f"{folder}: no snapshot (*.skoop) in this folder")
        case _:
            more = ", …" if len(found) > LISTED else ""
            names = ", ".join(str(path.relative_to(folder)) for path in found[:LISTED])
            raise InputError(f"{folder}: several snapshots: {names}{more}", hint="name one of them")


def _snapshots(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        folders.sort()
        for name in sorted(files):
            path = Path(place, name)
            if name.endswith(".skoop") and not path.is_symlink():
                yield path
