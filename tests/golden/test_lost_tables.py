"""Whatever table of whatever namespace was not read, the answer is the same or unknown: never another."""

from dataclasses import replace
from typing import Any

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.sysctl import Sysctls
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.golden.cases import GoldenCase, load_cases

LOST: dict[str, dict[str, Any]] = {
    "links": {"devices": {}},
    "addresses": {"addresses": ()},
    "routes": {"routes": ()},
    "rules": {"rules": ()},
    "neighbours": {"neighbours": ()},
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
    """A snapshot whose table of one place was not read."""

    place: Place
    table: str

    def namespace_by_id(self, identity: str) -> NetworkNamespace | NotCollected:
        found = super().namespace_by_id(identity)
        if isinstance(found, NotCollected) or found.place != self.place:
            return found
        return replace(found, gaps={**found.gaps, self.table: "forbidden"}, **LOST[self.table])


def verdict(case: GoldenCase, request: Request, place: Place | None = None, table: str = "") -> str:
    source = open_snapshot(case.snapshot)
    try:
        if place is not None:
            lossy = Lossy(source.file)
            lossy.place, lossy.table = place, table
            source = lossy
        return diagnose(source, request, Options()).verdict
    finally:
        source.close()


@pytest.mark.parametrize(
    ("case", "question", "table"),
    LOSSES,
    ids=[f"{case.name}: {question} without {table}" for case, question, table in LOSSES],
)
def test_a_lost_table_never_turns_an_answer(case: GoldenCase, question: str, table: str) -> None:
    request = case.requests[question]
    whole = verdict(case, request)
    told = {str(place): verdict(case, request, place, table) for place in PLACES}
    assert set(told.values()) <= {whole, "unknown"}, told
