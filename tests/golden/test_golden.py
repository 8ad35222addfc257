"""Each shipped snapshot gives each answer that was read and found right; `--update` writes them anew."""

import json
from pathlib import Path

import pytest

from kubectl_skoop.report.formats import render_diagnosis
from tests.golden.cases import SNAPSHOTS, GoldenCase, answered, load_cases, readme

CASES = load_cases()
QUESTIONS = [(case, question) for case in CASES for question in case.requests]


@pytest.mark.parametrize(
    ("case", "question"), QUESTIONS, ids=[f"{case.name}: {question}" for case, question in QUESTIONS]
)
def test_the_answer_is_the_expected_one(
    case: GoldenCase, question: str, request: pytest.FixtureRequest
) -> None:
    answer = render_diagnosis(answered(case.snapshot, case.requests[question]), "json")
    expected = case.expected(question)
    if request.config.getoption("--update"):
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(answer, "utf-8")
    assert json.loads(answer) == json.loads(expected.read_text("utf-8"))


def test_every_snapshot_is_a_case() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*.skoop")} == {case.name for case in CASES}


def test_the_readme_says_what_the_tool_says() -> None:
    assert (SNAPSHOTS / "README.md").read_text("utf-8") == readme()


def test_no_answer_is_left_over() -> None:
    here = Path(__file__).parent
    kept = {path for path in here.glob("*/*.json") if path.parent.name not in ("services", "clouds")}
    assert kept == {case.expected(question) for case, question in QUESTIONS}
