"""The tables of docs/providers.md are those of today, and no finding is without a case."""

import pytest

from kubectl_skoop.model.codes import CODES
from tests.providers.matrix import PAGE, cases, with_tables


@pytest.mark.parametrize("provider", cases())
def test_each_finding_has_a_case(provider: str) -> None:
    of = cases()[provider]
    assert {*of.flows, *of.whole} == {code for code in CODES if code.startswith(f"{provider}.")}


def test_the_page_has_the_tables_of_today(request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text("utf-8")
    if request.config.getoption("--update"):
        PAGE.write_text(with_tables(page), "utf-8")
    assert PAGE.read_text("utf-8") == with_tables(page), "run: pytest tests/providers --update"
