"""Each shipped snapshot of a cloud gives the answers that were found right; `--update` writes them anew."""

import json
from pathlib import Path

import pytest

from kubectl_skoop.report.formats import render_diagnosis
from tests.golden.cloud_cases import CASES, SNAPSHOTS, CloudCase, answered, make

QUESTIONS = [(case, question) for case in CASES for question in case.requests]
IDS = [f"{case.name}: {question}" for case, question in QUESTIONS]
HERE = Path(__file__).parent
SAYS = {
    "aws-healthy": ("reachable", ""),
    "aws-tunnel-closed": ("unreachable", "aws.security-group.ingress"),
    "aliyun-tunnel-dropped": ("unreachable", "aliyun.security-group.ingress"),
}


@pytest.mark.parametrize(("case", "question"), QUESTIONS, ids=IDS)
def test_the_answer_is_the_expected_one(
    case: CloudCase, question: str, request: pytest.FixtureRequest
) -> None:
    found = answered(case.snapshot, case.requests[question])
    assert (found.verdict, found.cause.code if found.cause else "") == SAYS[case.name]
    answer = render_diagnosis(found, "json")
    expected = case.expected(question)
    if request.config.getoption("--update"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(answer, "utf-8")
    assert json.loads(answer) == json.loads(expected.read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_it_is_what_the_table_makes(case: CloudCase, tmp_path: Path) -> None:
    made = tmp_path / case.snapshot.name
    make(case, made)
    assert made.read_bytes() == case.snapshot.read_bytes()


def test_every_snapshot_is_a_case() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*")} == {case.name for case in CASES}


def test_no_answer_is_left_over() -> None:
    wanted = {case.expected(question) for case, question in QUESTIONS}
    assert {*(HERE / "clouds").glob("*.json")} == wanted
