"""The examples of docs/json.md are what is printed now; `--update` writes them anew."""

import json
import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest
import yaml

from kubectl_skoop.report.yaml import yaml_text
from tests.cli.run import skoop

PROJECT = Path(__file__).parent.parent
PAGE = PROJECT / "docs" / "json.md"
TEXT = PAGE.read_text("utf-8")
EXAMPLE = re.compile(r"^    kubectl skoop ([^…\n]*)\n\n```(json|yaml)\n(.*?)^```$", re.M | re.S)
SCHEMA = json.loads(files("kubectl_skoop.report").joinpath("schema.json").read_text("utf-8"))

Document = Mapping[str, object]
WRITTEN: dict[str, tuple[Callable[[str], Document], Callable[[dict[str, object]], str]]] = {
    "json": (json.loads, lambda fields: json.dumps(fields, indent=2) + "\n"),
    "yaml": (yaml.safe_load, yaml_text),
}


def test_the_page_shows_each_kind_of_document() -> None:
    shown = [
        command.split()[0] + command.split(" -o ")[1].split()[0] for command, *_ in EXAMPLE.findall(TEXT)
    ]
    assert shown == ["diagnosejson", "checkjson", "diagnoseyaml", "diagnosekubeskoop-json"]


def test_an_example_is_what_its_command_prints(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(PROJECT)
    made = EXAMPLE.sub(_example, TEXT)
    if request.config.getoption("--update"):
        PAGE.write_text(made, "utf-8")
    assert made == PAGE.read_text("utf-8")


def _example(found: re.Match[str]) -> str:
    """The command, with those fields of its output that the page has."""
    command, language, shown = found.groups()
    read, write = WRITTEN[language]
    printed = read(skoop(*command.split()).out)
    if "kubeskoop" not in command:
        jsonschema.Draft202012Validator(SCHEMA).validate(printed)
    text = write({name: printed[name] for name in read(shown)})
    return f"    kubectl skoop {command}\n\n```{language}\n{text}```"
