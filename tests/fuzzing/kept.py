"""Inputs that are kept: `tests/data/fuzz/TARGET/…`, each one a failure that was mended."""

from pathlib import Path

from tests.fuzzing.target import Target

FOLDER = Path(__file__).parents[1] / "data" / "fuzz"


def kept(target: Target) -> dict[str, bytes]:
    """By name."""
    folder = FOLDER / target.name
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*"))} if folder.is_dir() else {}


def inputs_of(target: Target) -> list[bytes]:
    """What is right, then what is kept."""
    return [*target.seeds(), *kept(target).values()]
