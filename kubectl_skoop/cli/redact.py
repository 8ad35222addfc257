"""`redact`."""

import json
import os
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kubectl_skoop.cli import parameters
from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import emit, report_error, report_warning
from kubectl_skoop.cli.progress import Progress
from kubectl_skoop.model.errors import InputError

if TYPE_CHECKING:
    from kubectl_skoop.snapshot.redact import Pseudonyms
    from kubectl_skoop.snapshot.source import Snapshot

MOST = 1000
"""As `diagnosis.questions.MOST`, which is not loaded for `--help`."""
MOST_KEY = 1 << 20
"""Bytes of a key file."""

MapFile = Annotated[
    Path | None,
    typer.Option("--map", metavar="FILE", help="Write which pseudonym stands for what; keep it to yourself."),
]
KeyFile = Annotated[
    Path | None,
    typer.Option(
        "--key-file", metavar="FILE", help="16 secret bytes or more: equal pseudonyms in several files."
    ),
]

Questions = Annotated[
    int,
    typer.Option(
        "--questions",
        metavar="N",
        min=0,
        help="Ask at most so many of the questions about services; 0: all.",
    ),
]


def run(
    original: Annotated[
        Path, typer.Argument(metavar="FILE", parser=parameters.named_file, help="The snapshot.")
    ],
    redacted: Annotated[Path, typer.Argument(metavar="NEW", help="The snapshot to write.")],
    map_file: MapFile = None,
    key_file: KeyFile = None,
    questions: Questions = MOST,
) -> int:
    """Write a snapshot that can be sent: addresses and names replaced, what they say of the network kept.

    Both files are asked the same questions. Exit code 1: an answer is another one; the file is written.
    """
    whole = parameters.located(original)
    check_targets(whole, redacted, map_file)
    key = read_key(key_file)
    with parameters.opened(whole) as source:
        return write_redacted(source, redacted, map_file, key, questions)


def check_targets(original: Path | None, redacted: Path, map_file: Path | None) -> None:
    """Raises: InputError."""
    from kubectl_skoop.snapshot.output_file import check_target

    check_target(redacted)
    if map_file is not None:
        check_target(map_file)
    named = [os.path.realpath(path) for path in (original, redacted, map_file) if path is not None]
    if len(set(named)) < len(named):
        raise InputError("two of the files are the same one", hint="name another file to write")


def read_key(path: Path | None) -> bytes | None:
    """Raises: InputError."""
    if path is None:
        return None
    from kubectl_skoop.snapshot.bounded import read_bounded
    from kubectl_skoop.snapshot.redact import key_of

    try:
        return key_of(read_bounded(path, MOST_KEY))
    except ValueError as error:
        raise InputError(f"{path}: {error}", hint="head -c 32 /dev/urandom > FILE makes one") from error


def write_redacted(
    source: "Snapshot", path: Path, map_file: Path | None, key: bytes | None, questions: int = MOST
) -> ExitCode:
    """`questions`: about services, at most; 0: all. Raises: InputError, OSError, SectionDamaged."""
    from kubectl_skoop.diagnosis.certificate import certificate
    from kubectl_skoop.report.inspect.certificate import certificate_lines
    from kubectl_skoop.snapshot.redact import new_key, pseudonyms_for, redact

    pseudonyms = pseudonyms_for(source, key or new_key())
    seed = secrets.randbits(32)
    told: dict[str, object] = {}

    progress = Progress()

    def certify(written: Path, left_out: list[str]) -> Mapping[str, object]:
        keep_map(pseudonyms)
        pseudonyms.forget()
        with parameters.opened(written) as after:
            most = questions or sys.maxsize
            told.update(certificate(source, after, pseudonyms, left_out, seed, most=most, watch=progress))
        return told

    with writing_map(map_file) as keep_map, closing(progress):
        redact(source, pseudonyms, path, certify, progress)
    emit("\n".join([f"{path}: {path.stat().st_size} bytes", *certificate_lines(told)]))
    for gap in (*source.file.damage, *source.lost_objects):
        report_warning(f"{gap}; the new file says so, too")
    if told["different"]:
        report_error(
            f"{told['different']} answers of the redacted file are others than those of the original"
        )
        return ExitCode.FINDINGS
    return ExitCode.OK


@contextmanager
def writing_map(path: Path | None) -> "Iterator[Callable[[Pseudonyms], None]]":
    """Writes beside the target, and moves it there at the end; after an error nothing is left. None: no map.

    Raises: OSError.
    """
    if path is None:
        yield lambda pseudonyms: None
        return
    from kubectl_skoop.snapshot.output_file import naming

    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")

    def write(pseudonyms: "Pseudonyms") -> None:
        with naming(path):
            write_map(pseudonyms, partial)

    try:
        yield write
        partial.replace(path)
    finally:
        with suppress(OSError):
            partial.unlink()


def write_map(pseudonyms: "Pseudonyms", path: Path) -> None:
    """Only its owner may read it. Raises: OSError."""
    with suppress(FileNotFoundError):
        path.unlink()
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump(pseudonyms.changed(), file, indent=1, sort_keys=True)
        file.write("\n")
