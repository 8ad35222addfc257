"""The examples of docs/reports.md are what is printed now; `--update` writes the pictures anew."""

import re
from pathlib import Path

import pytest

from tests.cli.run import shell

PROJECT = Path(__file__).parent.parent
PAGE = (PROJECT / "docs" / "reports.md").read_text("utf-8")
PICTURES = re.findall(r"^    kubectl skoop (.*) > (\S+)\n\n!\[[^]]+\]\((\S+)\)$", PAGE, re.M)


@pytest.mark.parametrize(("command", "file", "shown"), PICTURES, ids=[file for _, file, _ in PICTURES])
def test_a_picture_is_the_one_that_its_command_prints(
    command: str, file: str, shown: str, request: pytest.FixtureRequest
) -> None:
    picture = PROJECT / "docs" / shown
    assert picture.name == file
    printed = shell(*command.split(), cwd=PROJECT).out
    if request.config.getoption("--update"):
        picture.write_text(printed, "utf-8")
    assert printed == picture.read_text("utf-8")


def test_the_page_has_pictures() -> None:
    assert PICTURES
