"""A whole snapshot with a few parts of it changed, written so that an input stays small."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.fuzzing.mutate import another
from tests.fuzzing.targets.sections import packed, unpacked

GONE = "✂"
"""In place of a value: the part is taken away."""

Steps = tuple[object, ...]
"""Keys and positions that lead to a part."""


class Part(NamedTuple):
    steps: Steps
    value: object


class Whole:
    """One snapshot. An edit is `[group, part, value]`, or `[group, part, at, length, piece]` of a text.

    Groups are sections, and the tables in a section: each is chosen as often, however many parts it has.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def edited(self, edits: list[object]) -> bytes:
        """The file with all edits that mean something."""
        header, sections = self._content
        for edit in edits:
            match edit:
                case [int(group), int(part), value]:
                    chosen = self._part(group, part)
                    sections = _replaced(sections, chosen.steps, value)
                case [int(group), int(part), int(at), int(length), value]:
                    chosen = self._part(group, part)
                    sections = _replaced(sections, chosen.steps, _spliced(chosen.value, at, length, value))
        assert isinstance(sections, list)
        return packed(header, sections)

    def random_edit(self, dice: Random) -> list[object]:
        group = dice.randrange(len(self._groups))
        part = dice.randrange(len(self._groups[group]))
        value = self._groups[group][part].value
        if isinstance(value, str | bytes) and len(value) > 60:
            at = dice.randrange(len(value))
            piece = value[at : at + dice.randrange(40)] if dice.random() < 0.5 else value[:0]
            return [
                group,
                part,
                dice.randrange(len(value)),
                dice.choice((0, 1, 3, 20)),
                another(piece, dice, ()),
            ]
        return [group, part, GONE if dice.random() < 0.1 else another(value, dice, ())]

    @cached_property
    def _content(self) -> tuple[object, object]:
        header, sections = unpacked(self._path.read_bytes())
        return header, sections

    @cached_property
    def _groups(self) -> list[list[Part]]:
        _, sections = self._content
        assert isinstance(sections, list)
        found: list[list[Part]] = []
        for at, (_, content) in enumerate(sections):
            tables = content.get("tables") if isinstance(content, dict) else None
            if not isinstance(tables, dict):
                found.append(list(_parts(content, (at, 1))))
                continue
            found.append([Part((at, 1, key), value) for key, value in content.items()])
            found += [list(_parts(table, (at, 1, "tables", name))) for name, table in tables.items()]
        return [group for group in found if group]

    def _part(self, group: int, part: int) -> Part:
        parts = self._groups[group % len(self._groups)]
        return parts[part % len(parts)]


def _parts(value: object, steps: Steps) -> Iterator[Part]:
    match value:
        case dict():
            inner = list(value.items())
        case list():
            inner = list(enumerate(value))
        case _:
            yield Part(steps, value)
            return
    for key, part in inner:
        yield Part((*steps, key), part)
        if isinstance(part, dict | list):
            yield from _parts(part, (*steps, key))


def _replaced(value: object, steps: Steps, new: object) -> object:
    """A copy as far as it is another. Steps that an earlier edit has taken away lead nowhere."""
    if not steps:
        return new
    first, *rest = steps
    if isinstance(value, dict) and first in value:
        copy = dict(value)
        if not rest and new == GONE:
            del copy[first]
        else:
            copy[first] = _replaced(value[first], tuple(rest), new)
        return copy
    if isinstance(value, list) and isinstance(first, int) and first < len(value):
        if not rest and new == GONE:
            return [*value[:first], *value[first + 1 :]]
        return [*value[:first], _replaced(value[first], tuple(rest), new), *value[first + 1 :]]
    return value


def _spliced(text: object, at: int, length: int, piece: object) -> object:
    if isinstance(text, str) and isinstance(piece, str) and text:
        at %= len(text)
        return text[:at] + piece + text[at + length % len(text) :]
    if isinstance(text, bytes) and isinstance(piece, bytes) and text:
        at %= len(text)
        return text[:at] + piece + text[at + length % len(text) :]
    return piece
