"""Findings come back from JSON as they were, but for whom else they concern, which it does not tell."""

from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check_each
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check, Fact, Missing
from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.model.place import Where
from kubectl_skoop.report.checked import check_of
from kubectl_skoop.report.formats import render_check
from kubectl_skoop.snapshot.source import open_snapshot
from tests.report.build import suspicion

SNAPSHOTS = sorted((Path(__file__).parents[2] / "snapshots").glob("*.skoop"))


@pytest.mark.parametrize("path", SNAPSHOTS, ids=lambda path: path.stem)
def test_of_snapshots(path: Path) -> None:
    source = open_snapshot(path)
    try:
        found = check_each(source, Options())
    finally:
        source.close()
    told = found._replace(suspicions=tuple(replace(one, about=()) for one in found.suspicions))
    assert check_of(render_check(found, "json")) == told


def test_places_of_every_kind() -> None:
    whole = Check(
        (suspicion(), suspicion("a.b", where=Where()), suspicion(evidence=(), where=Where(device="eth0"))),
        (Fact("a", "b", "c"),),
        (Missing("node/n2", "failed", "no"),),
    )
    assert check_of(render_check(whole, "json")) == whole


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"suspicions": [{}], "facts": [], "missing": []}', "1"])
def test_what_is_none(text: str) -> None:
    with pytest.raises(FormatError, match="the findings cannot be read"):
        check_of(text)
