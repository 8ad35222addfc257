"""Each trap that code or tests name by number is on the page, and each on the page has a test."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"\bK-\d+\b")


PAGE = (ROOT / "docs" / "traps.md").read_text("utf-8")
EXPLAINED = re.findall(r"^\| (K-\d+) \|", PAGE, re.MULTILINE)


def used_in(folder: str) -> set[str]:
    return {
        number for path in (ROOT / folder).rglob("*.py") for number in NUMBER.findall(path.read_text("utf-8"))
    }


def test_every_number_that_is_used_is_explained() -> None:
    assert used_in("kubectl_skoop") | used_in("tests") <= set(EXPLAINED)


def test_every_trap_has_a_test() -> None:
    assert set(EXPLAINED) <= used_in("tests")


def test_the_numbers_are_in_order() -> None:
    numbers = [int(number.removeprefix("K-")) for number in EXPLAINED]
    assert numbers == sorted(set(numbers))
