"""What a live snapshot holds, as its file says: the same words wherever it was gathered."""

from pathlib import Path
from typing import NamedTuple

from kubectl_skoop.cli.exit_code import ExitCode
from kubectl_skoop.cli.output import emit, report_error
from kubectl_skoop.cli.parameters import opened
from kubectl_skoop.model.missing import NotCollected

NOT_ASKED_FOR = "it was not asked for"
"""Why a node is left out that nobody has tried to collect."""


class Outcome(NamedTuple):
    """Numbers of nodes, and what is not there."""

    collected: int
    wanted: int
    gaps: tuple[str, ...]
    """In words."""


def outcome(file: Path) -> Outcome:
    """Raises: InputError (it is no snapshot)."""
    with opened(file) as snapshot:
        entries = [entry for node in snapshot.nodes() if _counts(entry := snapshot.node(node))]
        gaps = tuple(str(gap) for gap in snapshot.missing if _counts(gap))
    collected = sum(not isinstance(entry, NotCollected) for entry in entries)
    return Outcome(collected, len(entries), gaps)


def tell(what: str, found: Outcome, size: int) -> int:
    """Prints it. The exit code. `what`: the file, or where it is."""
    emit(f"{what}: {found.collected} of {found.wanted} nodes, {size} bytes")
    if found.gaps:
        report_error(f"not in the snapshot: {'; '.join(found.gaps)}")
    return ExitCode.NO_VERDICT if found.gaps else ExitCode.OK


def _counts(entry: object) -> bool:
    return not (isinstance(entry, NotCollected) and entry.reason == NOT_ASKED_FOR)
