"""Each trap that code or tests name by number is on the page."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"\bK-\d+\b")


def test_every_number_that_is_used_is_explained() -> None:
    page = (ROOT / "docs" / "traps.md").read_text("utf-8")
    explained = set(re.findall(r"^\| (K-\d+) \|", page, re.MULTILINE))
    used = {
        number
        for folder in ("kubectl_skoop", "tests")
        for path in (ROOT / folder).rglob("*.py")
        for number in NUMBER.findall(path.read_text("utf-8"))
    }
    assert used - explained == set()
