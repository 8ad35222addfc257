"""Whatever table of whatever namespace was not read, the answer is the same or unknown: never another."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.sysctl import Sysctls
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.golden.cases import GoldenCase, answered, load_cases

LOST: dict[str, dict[str, Any]] = {
    "links": {"devices": {}},
    "addresses": {"addresses": ()},
    "routes": {"routes": ()},
    "rules": {"rules": ()},
    "neighbours": {"neighbours": ()},
    "neighbour_tables": {"neighbour_tables": {}},
    "fdb": {"fdb": ()},
    "sockets": {"sockets": ()},
    "conntrack": {"conntrack": ()},
    "sysctls": {"sysctls": Sysctls({})},
}
TABLES = list(LOST)
CASES = load_cases()
QUESTIONS = [(case, question) for case in CASES for question in case.requests]
EVERY = 3
"""Of the tables, in turn, for each question; all were lost once."""
ONCE_WRONG = [("healthy-calico", "other-node", "links"), ("healthy-calico", "other-node", "addresses")]
LOSSES = [
    (case, question, table)
    for number, (case, question) in enumerate(QUESTIONS)
    for at, table in enumerate(TABLES)
    if at % EVERY == number % EVERY or (case.name, question, table) in ONCE_WRONG
]
PLACES = [Place("pod", "default/a"), Place("pod", "default/b"), Place("node", "n1"), Place("node", "n2")]


class Lossy(Snapshot):
    """A snapshot of which a table of one place was not read."""

    lost: tuple[Place, str] | None = None

    def namespace_by_id(self, identity: str) -> NetworkNamespace | NotCollected:
        found = super().namespace_by_id(identity)
        if self.lost is None or isinstance(found, NotCollected) or found.place != self.lost[0]:
            return found
        table = self.lost[1]
        return replace(found, gaps={**found.gaps, table: "forbidden"}, **LOST[table])


@pytest.fixture(scope="module")
def opened() -> Iterator[Callable[[Path], Lossy]]:
    """Each snapshot, read once for all that is lost of it."""
    with ExitStack() as stack:
        yield cache(lambda path: stack.enter_context(closing(Lossy(open_snapshot(path).file))))


def without(source: Lossy, request: Request, place: Place, table: str) -> str:
    source.lost = (place, table)
    return diagnose(source, request, Options()).verdict


@pytest.mark.parametrize(
    ("case", "question", "table"),
    LOSSES,
    ids=[f"{case.name}: {question} without {table}" for case, question, table in LOSSES],
)
def test_a_lost_table_never_turns_an_answer(
    case: GoldenCase, question: str, table: str, opened: Callable[[Path], Lossy]
) -> None:
    request = case.requests[question]
    told = {str(place): without(opened(case.snapshot), request, place, table) for place in PLACES}
    assert set(told.values()) <= {answered(case.snapshot, request).verdict, "unknown"}, told
