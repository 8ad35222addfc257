"""Each shipped snapshot of services gives the answer that was found right; `--update` writes it anew."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.report.formats import render_check
from kubectl_skoop.snapshot.redact import pseudonyms_for, redact
from kubectl_skoop.snapshot.source import open_snapshot
from tests.golden.service_cases import (
    HERE,
    SNAPSHOTS,
    ServiceCase,
    checked,
    faults_in,
    load_service_cases,
)

CASES = load_service_cases()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_check_finds_the_fault_and_nothing_else(case: ServiceCase, request: pytest.FixtureRequest) -> None:
    result = checked(case.snapshot)
    assert sorted({one.code for one in faults_in(result)}) == sorted(case.found)
    answer = render_check(result, "json")
    if request.config.getoption("--update"):
        case.expected.parent.mkdir(exist_ok=True)
        case.expected.write_text(answer, "utf-8")
    assert json.loads(answer) == json.loads(case.expected.read_text("utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_redacted_snapshot_shows_the_same_fault(case: ServiceCase, tmp_path: Path) -> None:
    with closing(open_snapshot(case.snapshot)) as original:
        redact(original, pseudonyms_for(original, b"k" * 32), tmp_path / "s", lambda _path, _left_out: {})
    with closing(open_snapshot(tmp_path / "s")) as redacted:
        found = faults_in(check(redacted, Options()))
    assert sorted({one.code for one in found}) == sorted(case.found)


def test_every_snapshot_is_a_case() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*")} == {case.name for case in CASES}


def test_no_answer_is_left_over() -> None:
    assert set((HERE / "services").glob("*")) == {case.expected for case in CASES}


def test_a_snapshot_that_shows_a_code_has_its_name() -> None:
    for case in CASES:
        if case.written_by == "kube-router":
            continue
        assert all(code.partition(".")[2] == case.name for code in case.found)
