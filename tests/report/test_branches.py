"""Few branches are told one by one, many together where they end alike."""

from fractions import Fraction

import pytest

from kubectl_skoop.diagnosis.result import Ending
from kubectl_skoop.report.branches import FEW, branches_of
from kubectl_skoop.report.markdown import diagnosis_markdown
from kubectl_skoop.report.style import Style
from kubectl_skoop.report.table import diagnosis_text
from tests.report.build import diagnosis, ending, suspicion


def endings(number: int, lost: int) -> tuple[Ending, ...]:
    causes = [suspicion(message=f"nothing listens on port {at}") for at in range(lost)]
    served = [ending(Fraction(1, number), None, "a choice") for _ in range(number - lost)]
    return (*served, *(ending(Fraction(1, number), cause, "a choice") for cause in causes))


def test_a_few_are_told_one_by_one() -> None:
    found = list(branches_of(endings(FEW, 2)))
    assert len(found) == FEW
    assert {one.choices for one in found} == {("a choice",)}


def test_many_are_told_together() -> None:
    served, lost = branches_of(endings(2_000, 500))
    assert (served.share, lost.share) == (Fraction(3, 4), Fraction(1, 4))
    assert served.end.endswith(", 1,500 branches")
    assert lost.because == "nothing listens on port 0, and 499 more like it"
    assert served.choices == lost.choices == ()


def test_all_of_many_where_that_is_asked_for() -> None:
    assert len(list(branches_of(endings(50, 2), each=True))) == 50


@pytest.mark.parametrize(("wide", "lines"), [(False, 2), (True, 40)])
def test_in_a_table(wide: bool, lines: int) -> None:
    text = diagnosis_text(diagnosis(branches=endings(40, 10)), Style(), wide=wide)
    block = text.split("Branches\n")[1].split("\n\n")[0].splitlines()
    assert len([line for line in block if " % " in line]) == lines


def test_in_markdown() -> None:
    text = diagnosis_markdown(diagnosis(branches=endings(40, 10)))
    assert "- 75 % served" in text
    assert "and 9 more like it" in text
