"""Garbage of many questions does not pile up, and the interpreter is left as it was."""

import gc
import weakref

import pytest

from kubectl_skoop.cli.start import GARBAGE_THRESHOLD
from kubectl_skoop.diagnosis.garbage import OFTEN, searched_often


class Knot:
    def __init__(self) -> None:
        self.own = self


def test_a_cycle_is_gone_soon() -> None:
    assert OFTEN < GARBAGE_THRESHOLD
    with searched_often():
        gc.collect(0)  # So that the next search does not come while the knot is tied, and pass it by.
        knot = weakref.ref(Knot())
        kept = [[number] for number in range(2 * OFTEN)]
        assert knot() is None
    assert len(kept) == 2 * OFTEN


def test_afterwards_all_is_as_it_was() -> None:
    before = gc.get_threshold()
    with searched_often():
        assert gc.get_threshold() == (OFTEN, *before[1:])
    with pytest.raises(ZeroDivisionError), searched_often():
        raise ZeroDivisionError
    assert gc.get_threshold() == before
