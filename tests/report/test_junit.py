"""`-o junit`: well-formed, and it fails where the exit code says so."""

from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from kubectl_skoop.diagnosis.result import Missing, Verdict
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.report.formats import render_check, render_diagnosis
from tests.report.build import check, diagnosis, suspicion
from tests.report.hostile import STRINGS, hostile_check, hostile_diagnosis


class _Form(NamedTuple):
    required: frozenset[str] = frozenset()
    """Attributes."""
    allowed: frozenset[str] = frozenset()
    """Besides these."""
    parts: frozenset[str] = frozenset()
    """Elements inside."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


FORMS = {
    "testsuites": _Form(allowed=_words("name time tests failures errors"), parts=_words("testsuite")),
    "testsuite": _Form(
        required=_words("name tests failures errors"),
        allowed=_words("group time skipped timestamp hostname id package file log url"),
        parts=_words("testsuite properties testcase system-out system-err"),
    ),
    "testcase": _Form(
        required=_words("name"),
        allowed=_words("time classname group"),
        parts=_words("skipped error failure system-out system-err"),
    ),
    "failure": _Form(allowed=_words("type message")),
    "error": _Form(allowed=_words("type message")),
    "system-out": _Form(),
}
"""What Jenkins takes (jenkinsci/xunit-plugin, junit-10.xsd), of the elements that are written here."""


def _misfits(element: ElementTree.Element) -> Iterator[str]:
    form, given = FORMS[element.tag], set(element.keys())
    yield from (f"{element.tag} lacks {name}" for name in form.required - given)
    yield from (f"{element.tag} may not have {name}" for name in given - form.required - form.allowed)
    for part in element:
        if part.tag not in form.parts:
            yield f"{part.tag} may not be in {element.tag}"
        yield from _misfits(part)


VERDICTS: tuple[Verdict, ...] = ("reachable", "unreachable", "partial", "unknown")


@pytest.mark.parametrize(
    "text",
    [
        *(
            pytest.param(render_diagnosis(diagnosis(verdict, verdict), "junit"), id=verdict)
            for verdict in VERDICTS
        ),
        pytest.param(render_check(check(), "junit"), id="check that found nothing"),
        pytest.param(
            render_check(
                check(
                    suspicion("a.b", Level.CRITICAL),
                    suspicion("c.d", Level.INFO),
                    missing=(Missing("node/n3", "failed", "no answer"),),
                ),
                "junit",
            ),
            id="check with findings and gaps",
        ),
        pytest.param(render_check(hostile_check(next(iter(STRINGS.values()))), "junit"), id="hostile names"),
    ],
)
def test_the_elements_are_those_that_jenkins_takes(text: str) -> None:
    assert [*_misfits(ElementTree.fromstring(text))] == []


def test_what_jenkins_would_refuse_is_seen() -> None:
    text = (
        '<testsuites><testsuite name="x" tests="0" failures="0"><failure kind="y"/></testsuite></testsuites>'
    )
    assert sorted(_misfits(ElementTree.fromstring(text))) == [
        "failure may not be in testsuite",
        "failure may not have kind",
        "testsuite lacks errors",
    ]


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
