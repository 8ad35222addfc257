"""The examples of docs/reports.md are what is printed now; `--update` writes them anew."""

import re
from pathlib import Path

import pytest

from tests.cli.run import skoop

PROJECT = Path(__file__).parent.parent
PAGE = PROJECT / "docs" / "reports.md"
TEXT = PAGE.read_text("utf-8")
PICTURES = re.findall(r"^    kubectl skoop (.*) > (\S+)\n\n!\[[^]]+\]\((\S+)\)$", TEXT, re.M)
EXAMPLE = re.compile(r"^    kubectl skoop ([^>\n]*)\n\n(`{3,})(\w+)\n(.*?)^\2$", re.M | re.S)
MORE = "…\n"
"""The last line of an example that is not printed whole."""


@pytest.fixture(autouse=True)
def _where_the_examples_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(PROJECT)


def test_the_page_has_examples() -> None:
    assert PICTURES
    assert {command.split(" -o ")[1].split()[0] for command, *_ in EXAMPLE.findall(TEXT)} == {
        "mermaid",
        "dot",
        "d2",
        "markdown",
        "junit",
        "sarif",
    }


@pytest.mark.parametrize(("command", "file", "shown"), PICTURES, ids=[file for _, file, _ in PICTURES])
def test_a_picture_is_the_one_that_its_command_prints(
    command: str, file: str, shown: str, request: pytest.FixtureRequest
) -> None:
    picture = PROJECT / "docs" / shown
    assert picture.name == file
    printed = skoop(*command.split()).out
    if request.config.getoption("--update"):
        picture.write_text(printed, "utf-8")
    assert printed == picture.read_text("utf-8")


def test_an_example_is_what_its_command_prints(request: pytest.FixtureRequest) -> None:
    made = EXAMPLE.sub(_example, TEXT)
    if request.config.getoption("--update"):
        PAGE.write_text(made, "utf-8")
    assert made == PAGE.read_text("utf-8")


def _example(found: re.Match[str]) -> str:
    """The command with what it prints; no more lines than the page has, if that ends early."""
    command, _, language, shown = found.groups()
    lines = skoop(*command.split()).out.splitlines(keepends=True)
    if shown.endswith(MORE):
        lines = [*lines[: shown.count("\n") - 1], MORE]
    text = "".join(lines)
    fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", text)), 3)
    return f"    kubectl skoop {command}\n\n{fence}{language}\n{text}{fence}"
