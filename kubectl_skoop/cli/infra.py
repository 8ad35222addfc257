"""`--infra`: files that a cloud's command line printed, in place of asking the cloud."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.extension.infra import Gathered
    from kubectl_skoop.diagnosis.extension.interface import InfraFile
    from kubectl_skoop.snapshot.source import Snapshot

MAX_FILE = 256 << 20
"""Bytes."""

Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--infra",
        metavar="FILE-OR-DIR…",
        help="What the cloud's command line printed (JSON), instead of asking the cloud.",
    ),
]


class Cloud(NamedTuple):
    """The cluster's cloud, or the files that stand for it."""

    options: Options
    files: "tuple[InfraFile, ...]"

    def gather(self, source: "Snapshot") -> "Gathered":
        """Raises: InputError."""
        from kubectl_skoop.diagnosis.extension.infra import gather

        return gather(source, self.options, self.files)

    def given(self, source: "Snapshot") -> None:
        """A snapshot answers with what the files say; without files with what it has. Raises: InputError."""
        if self.files:
            provider, fields = self.gather(source)
            if not isinstance(fields, Mapping):
                raise InputError(f"--infra: {fields.reason}")
            source.give_infra(provider, fields)


def read(paths: Sequence[Path]) -> "tuple[InfraFile, ...]":
    """The files, and the `.json` files below the folders. Raises: InputError."""
    return tuple(_content(file) for path in paths for file in _files(path))


def _files(path: Path) -> Sequence[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(file for file in path.rglob("*.json") if file.is_file())
    if not found:
        raise InputError(f"{path}: holds no .json file")
    return found


def _content(file: Path) -> "InfraFile":
    from kubectl_skoop.diagnosis.extension.interface import InfraFile
    from kubectl_skoop.snapshot.bounded import read_bounded

    return InfraFile(str(file), read_bounded(file, MAX_FILE))
