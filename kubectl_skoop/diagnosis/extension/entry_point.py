"""Entry points of installed packages (packaging.python.org, "Entry points specification").

`importlib.metadata` reads them too, but loads the parser of mails for it: a twentieth of a small diagnosis.
So the folders of installed packages are read here; it is asked only where they hold none (a zip file).
"""

import os
import sys
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import NamedTuple

PREFIX = "kubectl_skoop."
"""What the names of our groups begin with, and those of our modules."""
_FOLDER = ".dist-info"


class EntryPoint(NamedTuple):
    """One line of a package's `entry_points.txt`."""

    name: str
    value: str
    """`module:attribute`"""
    group: str
    folder: str = ""
    """The package's dist-info; empty: made by hand."""

    @property
    def package(self) -> str:
        """Its name as its authors write it; empty if the folder does not say."""
        return _name_of_package(self.folder)

    @property
    def ours(self) -> bool:
        """Its code is in this package."""
        return self.value.startswith(PREFIX)

    def load(self) -> object:
        """Raises: whatever importing the module does, AttributeError."""
        module, _, attributes = self.value.partition(":")
        found: object = import_module(module.strip())
        for attribute in attributes.partition("[")[0].strip().split("."):
            found = getattr(found, attribute)
        return found


@cache
def _name_of_package(folder: str) -> str:
    try:
        with open(os.path.join(folder, "METADATA"), encoding="utf-8", errors="replace") as lines:
            found = (line.partition(":")[2].strip() for line in lines if line.startswith("Name:"))
            return next(found, "")
    except OSError:
        return ""


@cache
def entry_points(group: str) -> tuple[EntryPoint, ...]:
    """All of a group, in the order of `sys.path`."""
    found = _installed()
    return tuple(entry for entry in found if entry.group == group) if found else tuple(_in_zip_files(group))


@cache
def _installed() -> tuple[EntryPoint, ...]:
    return tuple(_in_folders())


def _in_folders() -> Iterator[EntryPoint]:
    """Of two folders of one package the first on the path counts."""
    seen: set[str] = set()
    for place in dict.fromkeys(sys.path):
        try:
            folders = sorted(name for name in os.listdir(place or os.curdir) if name.endswith(_FOLDER))
        except OSError:
            continue
        for name in folders:
            package = name.partition("-")[0].lower()
            if package not in seen:
                seen.add(package)
                yield from _of_package(os.path.join(place, name))


def _of_package(folder: str) -> Iterator[EntryPoint]:
    try:
        with open(os.path.join(folder, "entry_points.txt"), encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return
    if PREFIX in text:
        yield from parse(text, folder)


def parse(text: str, folder: str = "") -> Iterator[EntryPoint]:
    """The entries of our groups."""
    group = ""
    for line in text.splitlines():
        entry = line.strip()
        if entry.startswith("[") and entry.endswith("]"):
            group = entry[1:-1].strip()
        elif entry and not entry.startswith(("#", ";")) and group.startswith(PREFIX):
            name, _, value = entry.partition("=")
            yield EntryPoint(name.strip(), value.strip(), group, folder)


def _in_zip_files(group: str) -> Iterator[EntryPoint]:
    from importlib import metadata

    for entry in metadata.entry_points(group=group):
        yield EntryPoint(entry.name, entry.value, entry.group)
