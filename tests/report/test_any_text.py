"""Whatever text a cluster has, each format stays what it is."""

import json
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubectl_skoop.report.formats import CheckFormat, Format, render_check, render_diagnosis
from tests.report.hostile import hostile_check, hostile_diagnosis

TEXT = st.text(st.characters(), min_size=1, max_size=60)
FEW = settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])


def _lines(form: Format) -> Callable[[str], object]:
    """As many lines as with a harmless text, all of them printable."""
    usual = len(render_diagnosis(hostile_diagnosis("x"), form).splitlines())

    def read(made: str) -> None:
        assert all(line.isprintable() for line in made.split("\n"))
        assert len(made.split("\n")) == usual + 1

    return read


READERS: dict[Format, Callable[[str], object]] = {
    "json": json.loads,
    "yaml": yaml.safe_load,
    "svg": ElementTree.fromstring,
    "junit": ElementTree.fromstring,
    "sarif": json.loads,
    "kubeskoop-json": json.loads,
    "dot": _lines("dot"),
    "d2": _lines("d2"),
    "mermaid": _lines("mermaid"),
    "table": _lines("table"),
}
CHECKS: dict[CheckFormat, Callable[[str], object]] = {
    "json": json.loads,
    "junit": ElementTree.fromstring,
    "sarif": json.loads,
}


@pytest.mark.parametrize("form", READERS)
@FEW
@given(text=TEXT)
def test_a_diagnosis_can_be_read(form: Format, text: str) -> None:
    READERS[form](render_diagnosis(hostile_diagnosis(text), form))


@pytest.mark.parametrize("form", CHECKS)
@FEW
@given(text=TEXT)
def test_a_check_can_be_read(form: CheckFormat, text: str) -> None:
    CHECKS[form](render_check(hostile_check(text), form))
