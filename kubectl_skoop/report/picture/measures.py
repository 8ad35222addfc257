"""How wide and high the parts of a picture are, and where its lanes and columns begin; all in px."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

from kubectl_skoop.model.place import Place
from kubectl_skoop.report.columns import broken, cut, width
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.picture.grid import Grid
from kubectl_skoop.report.picture.words import Line, arrow_lines, card_lines, wrapped

CHAR, BOLD, LINE = 7, 8, 16
"""Px of a column, of a column in bold, and of a line. Text is drawn smaller, so that no font runs over."""
NARROWEST, WIDEST = 38, 52
"""Columns of a card."""
MARGIN, PAD = 16, 10
GUTTER = 172
"""Width of the names of places, left of the cards."""
NAME_LINES = 5
"""Of the name of a place."""
BETWEEN = 24
"""Px between two columns of cards."""
HEADING = 26
"""Height of the line that names the ways."""
SHORTEST = 34
"""Px between two lanes at least."""
SYMBOL = 8
"""Radius."""
AIR = 5
"""Px above and below a line with a symbol."""


class Words(NamedTuple):
    """Of a cell: what its card and the arrow to it say, wrapped."""

    card: tuple[Line, ...]
    arrow: tuple[Line, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    words: tuple[Words, ...]
    """By cell."""
    names: tuple[tuple[str, ...], ...]
    """Of the places, by lane."""
    card_width: int
    width: int
    """Of the whole picture."""
    lanes: tuple[int, ...]
    """Heights."""
    gaps: tuple[int, ...]
    """Heights above the lanes, and of what is below the last."""

    def column(self, number: int) -> int:
        """Its left end."""
        return MARGIN + PAD + GUTTER + number * (self.card_width + BETWEEN)

    def gap(self, row: int) -> int:
        """Where the gap above a lane begins, below the line that names the ways."""
        return sum(self.lanes[:row]) + sum(self.gaps[:row])

    def lane(self, row: int) -> int:
        """Where a lane begins, likewise."""
        return self.gap(row) + self.gaps[row]

    @property
    def height(self) -> int:
        """Of all lanes and gaps."""
        return sum(self.lanes) + sum(self.gaps)


def measures(placed: Grid) -> Measures:
    plain = [_words(placed, number) for number in range(len(placed.cells))]
    columns = min(max(_longest(plain) + 3, NARROWEST), WIDEST)
    words = tuple(Words(_wrapped(each.card, columns), _wrapped(each.arrow, columns - 3)) for each in plain)
    names = tuple(_name(place) for machine in placed.machines for place in machine.places)
    card_width = columns * CHAR + 2 * PAD
    cards = max(placed.columns, 1) * (card_width + BETWEEN) - BETWEEN
    return Measures(
        words=words,
        names=names,
        card_width=card_width,
        width=GUTTER + cards + 2 * MARGIN + 3 * PAD,
        lanes=_lanes(placed, words, names),
        gaps=_gaps(placed, words),
    )


def _words(placed: Grid, number: int) -> Words:
    stop, before = placed.cells[number].stop, placed.cells[number].before
    arrow: tuple[Line, ...] = ()
    if stop.arrived and before is not None:
        arrow = tuple(arrow_lines(stop, stop.arrived, placed.cells[before].stop))
    return Words(tuple(card_lines(stop)), arrow)


def _longest(words: Sequence[Words]) -> int:
    """Columns of the longest packet."""
    lines = (line for each in words for line in each.arrow if line.kind != "note")
    return max((width(line.text) for line in lines), default=0)


def _wrapped(lines: Sequence[Line], columns: int) -> tuple[Line, ...]:
    return tuple(
        part for line in lines for part in wrapped(line, columns - 7 if line.kind == "end" else columns)
    )


def _name(place: Place) -> tuple[str, ...]:
    """In few lines, broken behind its own signs."""
    columns = (GUTTER - 2 * PAD) // BOLD
    rows = [""]
    for part in re.split(r"(?<=[/.:-])", safe(place.name)):
        if width(rows[-1] + part) <= columns:
            rows[-1] += part
        else:
            rows += broken(part, columns)
    kept = [row for row in rows if row]
    if len(kept) > NAME_LINES:
        kept = [*kept[: NAME_LINES - 1], cut(kept[NAME_LINES - 1] + "…", columns)]
    return tuple(kept)


def _lanes(placed: Grid, words: Sequence[Words], names: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """As high as the highest card, or the name."""
    heights = [(len(name) + 1) * LINE for name in names]
    for cell, said in zip(placed.cells, words, strict=True):
        heights[cell.row] = max(heights[cell.row], card_height(said.card))
    return tuple(height + 2 * PAD for height in heights)


def _gaps(placed: Grid, words: Sequence[Words]) -> tuple[int, ...]:
    """As high as the highest text beside an arrow; with room for the frames of machines."""
    rows = sum(len(machine.places) for machine in placed.machines)
    gaps = [0, *[SHORTEST] * (rows - 1), 0][: rows + 1]
    for number, said in enumerate(words):
        if placed.cells[number].before is not None:
            row = text_row(placed, number)
            gaps[row] = max(gaps[row], len(said.arrow) * LINE + 20, SHORTEST)
    edges = set(accumulate((len(machine.places) for machine in placed.machines), initial=0))
    frames = [PAD * ((row > 0) + (row < rows)) if row in edges else 0 for row in range(rows + 1)]
    return tuple(gap + frame for gap, frame in zip(gaps, frames, strict=False))


def text_row(placed: Grid, number: int) -> int:
    """The gap in which the text of the arrow to a cell stands: at its head."""
    cell = placed.cells[number]
    assert cell.before is not None
    return cell.row + (cell.row < placed.cells[cell.before].row)


def bases(lines: Sequence[Line]) -> Iterator[int]:
    """Base lines below the top of a card; there is some air around what has a symbol."""
    base = PAD - 5
    before = ""
    for line in lines:
        base += LINE + (AIR if "end" in (line.kind, before) and line.kind != before else 0)
        before = line.kind
        yield base


def card_height(lines: Sequence[Line]) -> int:
    return max(bases(lines), default=0) + PAD + (AIR if lines[-1:] and lines[-1].kind == "end" else 0)
