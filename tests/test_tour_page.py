"""The pictures of docs/tour.md are there, small, and all used. `make pictures` takes them."""

import re
from pathlib import Path

DOCS = Path(__file__).parent.parent / "docs"
SHOWN = re.findall(r"!\[([^]]+)\]\((pictures/tour-\S+\.png)\)", (DOCS / "tour.md").read_text("utf-8"))
MOST = 150_000
"""Bytes of a picture."""


def test_each_picture_is_there_and_shown() -> None:
    taken = {f"pictures/{file.name}" for file in DOCS.glob("pictures/tour-*.png")}
    assert {file for _, file in SHOWN} == taken
    assert taken


def test_pictures_are_small_and_described() -> None:
    for words, file in SHOWN:
        assert (DOCS / file).stat().st_size < MOST, file
        assert len(words) > 20
