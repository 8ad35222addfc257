"""Each page of docs/zh has the headings and code blocks of its original; `--update` copies the blocks."""

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
ORIGINALS = {
    page: DOCS.parent / page.name if page.name == "README.md" else DOCS / page.name
    for page in sorted((DOCS / "zh").glob("*.md"))
}
BLOCK = re.compile(r"^```.*?^```$|^(?: {4}[^\n]*\n)+", re.M | re.S)
EACH = pytest.mark.parametrize("page", ORIGINALS, ids=lambda page: page.name)


def test_the_guides_for_beginners_and_authors_are_translated() -> None:
    assert [page.name for page in ORIGINALS] == [
        "README.md",
        "tutorial.md",
        "write-a-plugin.md",
        "write-a-provider.md",
    ]


@EACH
def test_the_blocks_of_code_are_the_same(page: Path, request: pytest.FixtureRequest) -> None:
    text = page.read_text("utf-8")
    wanted = BLOCK.findall(ORIGINALS[page].read_text("utf-8"))
    assert len(BLOCK.findall(text)) == len(wanted)
    blocks = iter(wanted)
    if request.config.getoption("--update"):
        page.write_text(BLOCK.sub(lambda _: next(blocks), text), "utf-8")
    assert BLOCK.findall(page.read_text("utf-8")) == wanted


@EACH
def test_headings_tables_and_lists_are_of_the_same_shape(page: Path) -> None:
    shape = re.compile(r"^(#+ |\||- |\d+\. )", re.M)
    shapes = [shape.findall(BLOCK.sub("", path.read_text("utf-8"))) for path in (page, ORIGINALS[page])]
    assert shapes[0] == shapes[1]


@EACH
def test_each_leads_to_the_other(page: Path) -> None:
    for one, other, name in ((page, ORIGINALS[page], "English"), (ORIGINALS[page], page, "中文")):
        found = re.search(rf"^\[{name}\]\((\S+)\)$", one.read_text("utf-8"), re.M)
        assert found
        assert (one.parent / found.group(1)).resolve() == other
