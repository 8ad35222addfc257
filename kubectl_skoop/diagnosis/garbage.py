"""Going through a whole file, or asking it much: garbage must not pile up, as it may for one question."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

OFTEN = 100_000
"""Allocations between two searches for cycles."""


@contextmanager
def searched_often() -> Iterator[None]:
    """Inside, cycles are looked for after `OFTEN` allocations, whatever the process does else."""
    before = gc.get_threshold()
    gc.set_threshold(OFTEN, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
