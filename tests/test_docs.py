"""The documentation cannot lag behind: codes, fields, commands and options are compared with it."""

import json
import re
from importlib.resources import files
from pathlib import Path

import pytest

from kubectl_skoop.cli.defaults import OPTIONS, read
from kubectl_skoop.cli.group import COMMANDS, load
from kubectl_skoop.cli.in_cluster import options
from kubectl_skoop.cli.live import LiveCommand, access_options, collector_options, keep_option
from kubectl_skoop.model.codes import CODES
from kubectl_skoop.report.explain import DEVIATIONS, sections
from tests.cli.run import skoop
from tests.golden.cases import load_cases
from tests.golden.service_cases import load_service_cases

TESTS = Path(__file__).parent
SOURCES, DOCS = TESTS.parent / "kubectl_skoop", TESTS.parent / "docs"
PAGES = [DOCS.parent / "README.md", DOCS.parent / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
SCHEMA = json.loads(files("kubectl_skoop.report").joinpath("schema.json").read_text("utf-8"))
OBJECTS = {name: schema for name, schema in SCHEMA["$defs"].items() if schema.get("type") == "object"}

PARTS = ["Means", "Kernel", "Check", "Mend"]
TRIED = {
    code: tried.group(1)
    for code, text in sections().items()
    if (tried := re.search(r"\*\*Try:\*\* `kubectl skoop (.*)`$", text))
}


def _section(text: str, heading: str) -> str:
    """The text below `## heading`, up to the next heading of its level."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    assert found, f"no section {heading}"
    return found.group(1)


def _anchors(page: Path) -> set[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("code", sorted({*CODES, DEVIATIONS}))
def test_each_code_is_explained_and_no_part_is_left_out(code: str) -> None:
    parts = re.findall(r"(?:^|\n\n)\*\*(\w+):\*\* \S", sections()[code])
    assert parts in (PARTS, [*PARTS, "Try"])


def test_each_code_is_provoked_by_a_test_and_the_kernels_own_in_a_lab() -> None:
    kernels = _named(SOURCES / "netstack", SOURCES / "diagnosis" / "limits")
    assert {"route.none", "node.backlog"} <= kernels
    assert not CODES.keys() - _named(*(place for place in TESTS.iterdir() if place.name != "features"))
    assert not kernels - _named(TESTS / "kernel")


def _named(*places: Path) -> set[str]:
    """Codes that stand in files there."""
    files = [
        file
        for place in places
        for file in (place, *place.rglob("*"))
        if file.suffix in (".py", ".yaml", ".json")
    ]
    words = {word for file in files for word in re.findall(r"[\w-]+(?:\.[\w-]+)*", file.read_text("utf-8"))}
    return CODES.keys() & words


@pytest.mark.parametrize("code", TRIED)
def test_the_snapshot_to_try_a_code_on_shows_it(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    answer = json.loads(skoop(*TRIED[code].split(), "-o", "json").out)
    assert code in {_heading(suspicion["code"]) for suspicion in answer["suspicions"]}


def test_each_code_that_a_golden_answer_has_can_be_tried() -> None:
    answers = [case.expected(question) for case in load_cases() for question in case.requests]
    given = {one["code"] for answer in answers for one in json.loads(answer.read_text("utf-8"))["suspicions"]}
    given |= {code for case in load_service_cases() for code in case.found}
    assert {_heading(code) for code in given} <= set(TRIED)


def _heading(code: str) -> str:
    return code if code in CODES else DEVIATIONS


def test_each_code_is_explained_once() -> None:
    headings = re.findall(r"^### (.*)$", (DOCS / "suspicions.md").read_text("utf-8"), re.M)
    assert len(headings) == len(set(headings))


def test_each_page_is_listed_once() -> None:
    listed = re.findall(r"^- \[(\S+\.md)\]\(\1\): ", (DOCS / "README.md").read_text("utf-8"), re.M)
    assert sorted(listed) == sorted(page.name for page in DOCS.glob("*.md") if page.name != "README.md")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", text):
        target = page.parent / file if file else page
        assert target.exists(), file
        assert not anchor or anchor in _anchors(target), f"{file}#{anchor}"


def test_no_code_is_explained_that_nobody_gives() -> None:
    assert set(sections()) - {DEVIATIONS} == set(CODES)


def test_each_code_in_the_source_is_in_the_table() -> None:
    given = re.compile(r"""(?:\bcode=|\bCODE = |\.(?:lose|give_up)\(\s*)"([a-z-]+(?:\.[a-z-]+)*)\"""")
    own = {
        "calico.annotation.missing",
        "calico.bgp-peer.unreadable",
        "calico.block.differs",
        "calico.nat-outgoing.missing",
        "cilium.node.missing",
        "flannel.annotation.missing",
        "flannel.backend.differs",
        "flannel.configuration.unreadable",
        "flannel.pod-cidr.missing",
        "flannel.public-ip.foreign",
    }
    package = Path(str(files("kubectl_skoop")))
    found = {
        code
        for source in package.rglob("*.py")
        if "testing" not in source.parts
        for code in given.findall(source.read_text("utf-8"))
    }
    assert len(found) > 20
    assert found - own <= set(CODES)


def test_the_package_ships_the_page() -> None:
    shipped = files("kubectl_skoop.report").joinpath("suspicions.md").read_text("utf-8")
    assert shipped == (DOCS / "suspicions.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_each_json_field_is_described(name: str) -> None:
    section = _section((DOCS / "json.md").read_text("utf-8"), name)
    assert set(re.findall(r"^\| `(\w+)` ", section, re.M)) == set(OBJECTS[name]["properties"])


@pytest.mark.parametrize("name", COMMANDS)
def test_each_option_of_a_command_is_described(name: str) -> None:
    section = _section((DOCS / "cli.md").read_text("utf-8"), name)
    described = set(
        re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "\n".join(re.findall(r"^\| (`-.*?) \|", section, re.M)))
    )
    command = load(name)
    beside = {option.name for option in options()}
    live = command.live if isinstance(command, LiveCommand) else []
    shared = [option for option in live if option.name not in beside]
    own = [parameter for parameter in command.params if parameter not in shared]
    assert described == {option for parameter in own for option in parameter.opts if option[0] == "-"}


def test_each_option_of_a_live_cluster_is_described() -> None:
    section = _section((DOCS / "cli.md").read_text("utf-8"), "A live cluster")
    rows = re.findall(r"^\| (`-.*?) \|", section, re.M)
    described = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", "\n".join(rows)))
    options = [*access_options(), *collector_options(), keep_option()]
    assert described == {name for option in options for name in option.opts}


def test_the_options_that_may_have_a_default_are_listed() -> None:
    section = _section((DOCS / "cli.md").read_text("utf-8"), "Defaults: environment and configuration file")
    listed = section.partition("Both may set")[2].partition("What is part")[0]
    assert set(re.findall(r"`([a-z-]+)`", listed)) == OPTIONS


def test_the_example_of_a_configuration_file_is_one(tmp_path: Path) -> None:
    example = re.search(r"```toml\n(.*?)```", (DOCS / "cli.md").read_text("utf-8"), re.S)
    assert example
    path = tmp_path / "config.toml"
    path.write_text(example.group(1), "utf-8")
    assert "context" in read(path)
