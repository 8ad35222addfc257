"""`-o junit`: well-formed, and it fails where the exit code says so."""

from xml.etree import ElementTree

import pytest

from kubectl_skoop.diagnosis.result import Missing, Verdict
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.report.formats import render_check, render_diagnosis
from tests.report.build import check, diagnosis, suspicion
from tests.report.hostile import STRINGS, hostile_check, hostile_diagnosis


def _suite(text: str) -> ElementTree.Element:
    root = ElementTree.fromstring(text)
    (suite,) = root
    for name in ("tests", "failures", "errors"):
        assert root.get(name) == suite.get(name)
    return suite


def _outcomes(suite: ElementTree.Element) -> dict[str, list[str]]:
    return {
        case.get("name", ""): [part.tag for part in case if part.tag != "system-out"]
        for case in suite.iter("testcase")
    }


@pytest.mark.parametrize(
    ("verdict", "outcome"),
    [
        ("reachable", []),
        ("unreachable", ["failure"]),
        ("partial", ["failure"]),
        ("unknown", ["error"]),
    ],
)
def test_the_question_is_one_test_case(verdict: Verdict, outcome: list[str]) -> None:
    suite = _suite(render_diagnosis(diagnosis(verdict, verdict), "junit"))
    question = "pod/default/a (10.244.1.2) to service/shop/web (10.96.0.10), tcp 80"
    assert _outcomes(suite) == {question: outcome}
    assert (suite.get("failures"), suite.get("errors")) == (
        str(outcome.count("failure")),
        str(outcome.count("error")),
    )


def test_a_failure_tells_the_cause_and_the_way() -> None:
    (failure,) = _suite(render_diagnosis(diagnosis(), "junit")).iter("failure")
    assert failure.get("type") == "netfilter.drop"
    assert failure.get("message") == "unreachable: rule 3 of FORWARD on node n2 drops the packet"
    assert "mend: iptables -D FORWARD 3" in (failure.text or "")


def test_a_check_has_a_test_case_for_each_code() -> None:
    made = check(
        suspicion("flannel.fdb.missing", Level.WARNING),
        suspicion("flannel.fdb.missing", Level.CRITICAL),
        suspicion("policy.no-effect", Level.INFO),
        missing=(Missing("node/n3", "failed", "no answer"), Missing("n1/host/ipset", "absent")),
    )
    suite = _suite(render_check(made, "junit"))
    assert _outcomes(suite) == {
        "flannel.fdb.missing": ["failure"],
        "policy.no-effect": [],
        "everything could be checked": ["error"],
    }
    assert suite.get("tests") == "3"


def test_a_clean_check_passes() -> None:
    assert _outcomes(_suite(render_check(check(), "junit"))) == {"everything could be checked": []}


@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_a_hostile_cluster_stays_text(text: str) -> None:
    for made in (
        render_diagnosis(hostile_diagnosis(text), "junit"),
        render_check(hostile_check(text), "junit"),
    ):
        tags = {element.tag for element in ElementTree.fromstring(made).iter()}
        assert tags <= {"testsuites", "testsuite", "testcase", "failure", "error", "system-out"}
        assert all(line.isprintable() for line in made.split("\n"))
