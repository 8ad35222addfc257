"""A flow reads only the connections that can concern it: the answer is that of the whole table."""

import json
from collections.abc import Sequence
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.collect.selection import Selection, parse_wanted
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.netstack.conntrack_types import Tuple
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.report.formats import render_diagnosis
from kubectl_skoop.snapshot.decode.conntrack import decode_conntrack_cut
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.golden.cases import GoldenCase, load_cases

QUESTIONS = [(case, question) for case in load_cases() for question in case.requests]


class Cut(Snapshot):
    """As if it had been collected with `--conntrack`."""

    only: Sequence[str]

    def namespace_by_id(self, identity: str) -> NetworkNamespace | NotCollected:
        found = super().namespace_by_id(identity)
        if isinstance(found, NotCollected):
            return found
        selection = parse_wanted(",".join(self.only))
        assert isinstance(selection, Selection)

        def covered(entry: Tuple) -> bool:
            return selection.covers(entry.src.packed, entry.dst.packed)

        kept = tuple(one for one in found.conntrack if covered(one.original) or covered(one.reply))
        return replace(
            found,
            conntrack=kept,
            conntrack_cut=decode_conntrack_cut({"only": list(self.only), "left_out": 0}),
        )


@pytest.mark.parametrize(
    ("case", "question"), QUESTIONS, ids=[f"{case.name}: {question}" for case, question in QUESTIONS]
)
def test_the_answer_is_that_of_the_whole_table(case: GoldenCase, question: str) -> None:
    whole = open_snapshot(case.snapshot)
    cut = Cut(whole.file)
    try:
        expected = render_diagnosis(diagnose(whole, case.requests[question], Options()), "json")
        cut.only = whole.addresses
        answer = render_diagnosis(diagnose(cut, case.requests[question], Options()), "json")
    finally:
        whole.close()
    assert json.loads(answer) == json.loads(expected)


def test_ends_of_a_tunnel_are_asked_for_as_pairs() -> None:
    case = next(case for case in load_cases() if case.name == "healthy-vxlan")
    source = open_snapshot(case.snapshot)
    try:
        diagnose(source, next(iter(case.requests.values())), Options())
    finally:
        source.close()
    pairs = [one.split("-") for one in source.addresses if "-" in one]
    assert pairs
    for one, other in pairs:
        assert ip_address(one).version == ip_address(other).version
