"""What packages announce: read from their folders as importlib.metadata would."""

import sys
from importlib import metadata
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.extension import entry_point, registry
from kubectl_skoop.diagnosis.extension.entry_point import EntryPoint, parse

TEXT = """\
[console_scripts]
tool = other.tool:main

# strangers
[kubectl_skoop.plugins]
one=package.one:One
two = package.two:Nested.Two [extra]
; none

[kubectl_skoop.providers]
cloud = package:Cloud
"""


@pytest.mark.parametrize("group", [registry.PLUGINS, registry.PROVIDERS])
def test_the_same_is_found_as_by_importlib(group: str) -> None:
    found = {(entry.name, entry.value, entry.package) for entry in entry_point.entry_points(group)}
    known = metadata.entry_points(group=group)
    assert found == {(entry.name, entry.value, entry.dist.name) for entry in known if entry.dist is not None}


def test_only_our_groups_are_read() -> None:
    assert [(entry.group, entry.name, entry.value) for entry in parse(TEXT)] == [
        (registry.PLUGINS, "one", "package.one:One"),
        (registry.PLUGINS, "two", "package.two:Nested.Two [extra]"),
        (registry.PROVIDERS, "cloud", "package:Cloud"),
    ]


def test_what_an_entry_leads_to_is_loaded() -> None:
    assert EntryPoint("x", "pathlib:Path.home [extra]", registry.PLUGINS).load() == Path.home
    with pytest.raises(AttributeError):
        EntryPoint("x", "pathlib:Nothing", registry.PLUGINS).load()


def test_of_two_folders_of_a_package_the_first_on_the_path_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, version in [("a", "2.0"), ("b", "1.0")]:
        folder = tmp_path / place / f"stranger-{version}.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: Stranger\n")
        text = f"[kubectl_skoop.plugins]\nx = {place}:X\n"
        (folder / "entry_points.txt").write_text(text)
    places = [str(tmp_path / "missing"), str(tmp_path / "a"), str(tmp_path / "b"), *sys.path]
    monkeypatch.setattr(sys, "path", places)
    found = [entry for entry in entry_point._in_folders() if entry.name == "x"]
    assert [(entry.value, entry.package) for entry in found] == [("a:X", "Stranger")]


def test_where_no_folder_holds_any_importlib_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    known = {entry.name for entry in entry_point.entry_points(registry.PLUGINS)}
    monkeypatch.setattr(entry_point, "_installed", lambda: ())
    entry_point.entry_points.cache_clear()
    assert {entry.name for entry in entry_point.entry_points(registry.PLUGINS)} == known
    entry_point.entry_points.cache_clear()
