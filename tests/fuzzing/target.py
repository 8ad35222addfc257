"""What a fuzz target is, and what one input may do to it."""

import signal
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NamedTuple, NoReturn

from kubectl_skoop.model.errors import SkoopError
from tests.fuzzing.codec import Codec

SECONDS = 10.0
"""Of the processor that one input may take: how busy the machine is does not matter."""
MEGABYTES = 500
"""Memory that the process may have at its largest."""
_PACKAGE = "/kubectl_skoop/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One border that a stranger's bytes cross."""

    name: str
    run: Callable[[bytes], object]
    """May raise what `refuses` names, and nothing else."""
    seeds: Callable[[], Iterable[bytes]]
    """Inputs that are right; `kept.py` adds those that were wrong once."""
    codec: Codec | None = None
    """How an input is a value, whose parts are mutated; None: bytes are."""
    words: tuple[str, ...] = ()
    """That the format is made of."""
    tried: int = 100
    """Mutations that `make test` runs."""
    refuses: tuple[type[Exception], ...] = field(default=(SkoopError,))
    """What the border raises for input that it does not take."""


class Failure(NamedTuple):
    """What an input did that none may."""

    signature: str
    """Kind of error and the line of the package that it came from: equal ones are one failure."""
    told: str


class TooLong(BaseException):
    """No `except Exception` stops it."""


def failure_of(target: Target, data: bytes) -> Failure | None:
    """Runs one input. None: the result is one that is allowed."""
    began = time.process_time()
    try:
        with _alarm():
            target.run(data)
    except target.refuses:
        pass
    except (TooLong, Exception) as error:  # noqa: BLE001
        return Failure(f"{type(error).__name__}-{_line_of(error)}", traceback.format_exc(limit=-30))
    if (took := time.process_time() - began) > SECONDS:
        return Failure("TooLong", f"took {took:.0f} s")
    return None


@contextmanager
def _alarm() -> Iterator[None]:
    def ring(number: int, frame: FrameType | None) -> NoReturn:
        raise TooLong(f"more than {SECONDS:.0f} s")

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _line_of(error: BaseException) -> str:
    """The innermost line of the package; of the same function called in itself, the first one."""
    frames = [entry for entry in traceback.extract_tb(error.__traceback__) if _PACKAGE in entry.filename]
    if not frames:
        return "outside"
    place = frames[-1]
    return f"{Path(place.filename).stem}-{place.name}".replace("<", "").replace(">", "")
