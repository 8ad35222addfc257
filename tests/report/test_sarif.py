"""`-o sarif`: what the standard demands of the parts that are used, and what code scanning needs."""

import json
import re
from typing import Any

import pytest

from kubectl_skoop.diagnosis.result import Missing
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.report.formats import render_check, render_diagnosis
from tests.report.build import check, diagnosis, suspicion
from tests.report.hostile import STRINGS, hostile_check, hostile_diagnosis

KEYS = {
    "log": {"$schema", "version", "runs"},
    "run": {"tool", "invocations", "columnKind", "results"},
    "rule": {"id", "shortDescription", "help"},
    "result": {"ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints"},
}


def _run(text: str) -> dict[str, Any]:
    """Checks the shape (SARIF 2.1.0, sections 3.13 to 3.58), and gives the only run."""
    log = json.loads(text)
    assert set(log) == KEYS["log"]
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert set(run) == KEYS["run"]
    driver = run["tool"]["driver"]
    assert driver["name"] == "kubectl-skoop"
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids))
    for rule in driver["rules"]:
        assert set(rule) <= KEYS["rule"]
        assert rule["shortDescription"]["text"]
    for result in run["results"]:
        assert set(result) == KEYS["result"]
        assert ids[result["ruleIndex"]] == result["ruleId"]
        assert result["level"] in ("error", "warning", "note")
        (location,) = result["locations"]
        physical = location["physicalLocation"]
        assert re.fullmatch(r"(?:[\w~/-]|\.|%[0-9A-F]{2})+", physical["artifactLocation"]["uri"])
        assert not {"", ".", ".."} & set(physical["artifactLocation"]["uri"].split("/"))
        assert physical["region"]["startLine"] >= 1
        assert location["logicalLocations"][0]["fullyQualifiedName"]
        assert all(re.fullmatch("[0-9a-f]{64}", value) for value in result["partialFingerprints"].values())
    (invocation,) = run["invocations"]
    assert isinstance(invocation["executionSuccessful"], bool)
    for notice in invocation["toolExecutionNotifications"]:
        assert notice["level"] in ("warning", "note")
    assert isinstance(run, dict)
    return run


def test_the_cause_is_the_first_result_with_its_rule() -> None:
    other = suspicion("flannel.fdb.missing", Level.WARNING)
    run = _run(render_diagnosis(diagnosis(suspicions=(other, suspicion())), "sarif"))
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("netfilter.drop", "error"),
        ("flannel.fdb.missing", "warning"),
    ]
    rule = run["tool"]["driver"]["rules"][0]
    assert rule["shortDescription"]["text"] == "a rule or a chain's policy drops the packet"
    assert rule["help"]["text"].startswith("Means: ")
    assert rule["help"]["markdown"].startswith("**Means:** ")


def test_a_result_tells_place_evidence_and_mend() -> None:
    (result,) = _run(render_diagnosis(diagnosis(), "sarif"))["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert physical == {
        "artifactLocation": {"uri": "node/n2/filter/FORWARD"},
        "region": {"startLine": 3},
    }
    assert result["message"]["text"].endswith("\nmend: iptables -D FORWARD 3")


@pytest.mark.parametrize(
    ("level", "shown"),
    [(Level.FATAL, "error"), (Level.CRITICAL, "error"), (Level.WARNING, "warning"), (Level.INFO, "note")],
)
def test_levels_are_mapped(level: Level, shown: str) -> None:
    (result,) = _run(render_check(check(suspicion(level=level)), "sarif"))["results"]
    assert result["level"] == shown


def test_a_reachable_flow_and_a_clean_check_have_no_results() -> None:
    assert _run(render_diagnosis(diagnosis("reachable", "reachable"), "sarif"))["results"] == []
    run = _run(render_check(check(), "sarif"))
    assert run["results"] == []
    assert run["invocations"][0]["executionSuccessful"]


def test_an_answer_without_a_cause_is_a_result() -> None:
    run = _run(render_diagnosis(diagnosis("unknown", "unknown: node n3 was not collected"), "sarif"))
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [("verdict", "warning")]
    assert not run["invocations"][0]["executionSuccessful"]


def test_gaps_are_notifications() -> None:
    run = _run(render_check(check(missing=(Missing("node/n3", "failed", "no answer"),)), "sarif"))
    (invocation,) = run["invocations"]
    assert not invocation["executionSuccessful"]
    assert invocation["toolExecutionNotifications"] == [
        {"level": "warning", "message": {"text": "node/n3: failed (no answer)"}}
    ]


def test_a_fingerprint_does_not_change_with_the_number_of_a_rule() -> None:
    def print_of(rule: int) -> object:
        where = Where(place=Place("node", "n2"), table="filter", chain="FORWARD", rule=rule)
        made = check(suspicion(where=where, message=f"rule {rule} of FORWARD drops the packet"))
        return _run(render_check(made, "sarif"))["results"][0]["partialFingerprints"]

    assert print_of(1) == print_of(2)


@pytest.mark.parametrize("text", [*STRINGS.values(), ".", "..", "../../etc"], ids=[*STRINGS, "1", "2", "3"])
def test_a_hostile_cluster_keeps_the_shape(text: str) -> None:
    for made in (
        render_diagnosis(hostile_diagnosis(text), "sarif"),
        render_check(hostile_check(text), "sarif"),
    ):
        _run(made)
        assert made.isascii()
