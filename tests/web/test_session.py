"""What a session keeps, and what it does not."""

import gc
from contextlib import closing
from threading import Event

from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.web.session import Session
from tests.web.conftest import SNAPSHOTS

REQUEST = Request(source="pod/default/a", destination="svc/default/pair", port="80")


def snapshots() -> int:
    """Those that nobody gave back yet, with all that was read for them."""
    return sum(isinstance(one, Snapshot) for one in gc.get_objects())


def test_what_was_read_for_an_answer_does_not_stay() -> None:
    searched = Event()

    def note(phase: str, about: dict[str, int]) -> None:
        if phase == "stop":
            searched.set()

    with closing(Session(SNAPSHOTS / "dead-backend.skoop", Options())) as session:
        assert session.names.nodes
        gc.collect()
        gc.disable()
        gc.callbacks.append(note)
        try:
            before = snapshots()
            assert session.diagnosis(REQUEST).verdict == "partial"
            assert searched.wait(60)
            assert snapshots() == before
        finally:
            gc.callbacks.remove(note)
            gc.enable()
