"""From a Diagnosis to a Picture: widths and heights first, then places."""

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import accumulate
from typing import NamedTuple

from kubectl_skoop.diagnosis.result import Diagnosis, Verdict
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.columns import broken, cut, width
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.picture.grid import Cell, Grid, grid
from kubectl_skoop.report.picture.shapes import Area, Arrow, Card, Picture, Point, Sign, Symbol, Text
from kubectl_skoop.report.picture.ways import Ways, ways
from kubectl_skoop.report.picture.words import Line, arrow_lines, card_lines, wrapped
from kubectl_skoop.report.question import question
from kubectl_skoop.report.share import percent

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
SHAFT = 18
"""How far an arrow is from the left end of its column."""
HEADLINE = 22
"""Height of a line of the question and the answer."""
HEADING = 26
"""Height of the line that names the ways."""
SHORTEST = 34
"""Px between two lanes at least."""
SYMBOL = 8
"""Radius."""
AIR = 5
"""Px above a line with a symbol."""

_SIGNS: dict[Verdict, Sign] = {
    "reachable": "arrives",
    "unreachable": "dropped",
    "partial": "partial",
    "unknown": "unknown",
}


def picture(diagnosis: Diagnosis, *, heading: bool = True) -> Picture:
    """`heading`: with the question and the answer at the top."""
    drawn = ways(diagnosis)
    return _Layout(diagnosis, drawn, grid(drawn), heading).picture()


class _Words(NamedTuple):
    """Of a cell: what its card and the arrow to it say."""

    card: tuple[Line, ...]
    arrow: tuple[Line, ...]


class _Layout:
    """Measures once, then makes the shapes."""

    def __init__(self, diagnosis: Diagnosis, drawn: Ways, placed: Grid, heading: bool) -> None:
        self.diagnosis, self.drawn, self.grid = diagnosis, drawn, placed
        plain = [_words(cell, placed.cells) for cell in placed.cells]
        longest = max(
            (width(line.text) for words in plain for line in words.arrow if line.kind != "note"), default=0
        )
        self.columns = min(max(longest + 3, NARROWEST), WIDEST)
        self.words = [
            _Words(_wrapped(words.card, self.columns), _wrapped(words.arrow, self.columns - 3))
            for words in plain
        ]
        self.card_width = self.columns * CHAR + 2 * PAD
        inside = GUTTER + max(placed.columns, 1) * (self.card_width + BETWEEN) - BETWEEN + PAD
        self.width = inside + 2 * MARGIN + 2 * PAD
        self.heading = tuple(self._heading()) if heading else ()
        self.top = MARGIN + len(self.heading) * HEADLINE + (PAD if heading else 0)
        self._measure()

    def _heading(self) -> list[Line]:
        asked = Line(question(self.diagnosis), "question")
        told = Line(safe(self.diagnosis.headline), "answer")
        return [
            *wrapped(asked, (self.width - 2 * MARGIN) // 10),
            *wrapped(told, (self.width - 2 * MARGIN - 3 * SYMBOL) // 8),
        ]

    def _measure(self) -> None:
        """Heights of lanes, of the gaps above them (one more than lanes), and where each lane begins."""
        rows = sum(len(machine.places) for machine in self.grid.machines)
        lanes = [0] * rows
        gaps = [0] * (rows + 1)
        for cell, words in zip(self.grid.cells, self.words, strict=True):
            lanes[cell.row] = max(lanes[cell.row], _height(words.card))
            if cell.before is not None:
                up = cell.row < self.grid.cells[cell.before].row
                gap = cell.row + 1 if up else cell.row
                gaps[gap] = max(gaps[gap], len(words.arrow) * LINE + 20, SHORTEST)
        self.lanes = [
            max(height, len(self._name(place)) * LINE + 16) + 2 * PAD
            for height, place in zip(lanes, self._places(), strict=True)
        ]
        edges = set(accumulate((len(machine.places) for machine in self.grid.machines), initial=0))
        self.gaps = [
            max(gap, SHORTEST) + (2 * PAD if row in edges else 0) if 0 < row < rows else gap + PAD
            for row, gap in enumerate(gaps)
        ]
        self.tops: list[int] = []
        at = self.top + HEADING
        for gap, height in zip(self.gaps, self.lanes, strict=False):
            self.tops.append(at + gap)
            at += gap + height
        self.height = at + self.gaps[-1] + MARGIN + (LINE if self.drawn.left_out else 0)

    def picture(self) -> Picture:
        cards = tuple(self._card(number, cell) for number, cell in enumerate(self.grid.cells))
        arrows = tuple(
            self._arrow(number, cell, cards)
            for number, cell in enumerate(self.grid.cells)
            if cell.before is not None
        )
        told = [card.label for card in cards]
        asked = question(self.diagnosis)
        return Picture(
            width=self.width,
            height=self.height,
            title=f"{asked}: {safe(self.diagnosis.headline)}",
            description="; ".join(told),
            texts=tuple(self._texts()),
            symbols=self._symbols(),
            frames=tuple(self._frames()),
            lanes=tuple(self._lanes()),
            cards=cards,
            arrows=arrows,
        )

    def _symbols(self) -> tuple[Symbol, ...]:
        if not self.heading:
            return ()
        first = [line.kind for line in self.heading].index("answer")
        middle = MARGIN + (first + 1) * HEADLINE - HEADLINE // 2 + 1
        return (Symbol(MARGIN + SYMBOL, middle, _SIGNS[self.diagnosis.verdict]),)

    def _texts(self) -> Iterator[Text]:
        for number, line in enumerate(self.heading):
            indent = 3 * SYMBOL if line.kind == "answer" else 0
            yield Text(MARGIN + indent, MARGIN + (number + 1) * HEADLINE - 5, line.text, line.kind)
        heading = self.top + LINE
        if self.drawn.way:
            yield Text(self._column(0), heading, "Way", "heading")
        if self.drawn.back:
            share = self.drawn.back[0].share
            of = f" of these {percent(share)}" if share < sum(tree.share for tree in self.drawn.way) else ""
            yield Text(self._column(self.grid.back), heading, f"Way back{of}", "heading")
        if self.drawn.left_out:
            lost = sum((ending.share for ending in self.drawn.left_out), Fraction(0))
            text = f"{len(self.drawn.left_out)} more branches ({percent(lost)}) are not drawn"
            yield Text(MARGIN, self.height - MARGIN, text, "note")

    def _frames(self) -> Iterator[Area]:
        row = 0
        for number, machine in enumerate(self.grid.machines):
            last = row + len(machine.places) - 1
            top = self.tops[row] - PAD
            yield Area(
                id=f"machine-{number}",
                x=MARGIN,
                y=top,
                width=self.width - 2 * MARGIN,
                height=self.tops[last] + self.lanes[last] + PAD - top,
                place=machine.node or machine.places[0],
            )
            row = last + 1

    def _lanes(self) -> Iterator[Area]:
        for row, place in enumerate(self._places()):
            left, top = MARGIN + PAD, self.tops[row]
            kind = "outside" if place.kind == "external" else place.kind
            lines = [Text(left + PAD, top + PAD + 12, kind, "kind")]
            lines += [
                Text(left + PAD, top + PAD + 12 + (number + 1) * LINE, part, "place")
                for number, part in enumerate(self._name(place))
            ]
            yield Area(
                id=f"lane-{row}",
                x=left,
                y=top,
                width=self.width - 2 * left,
                height=self.lanes[row],
                place=place,
                texts=tuple(lines),
            )

    def _card(self, number: int, cell: Cell) -> Card:
        lines = self.words[number].card
        x, y = self._column(cell.column), self.tops[cell.row] + PAD
        texts: list[Text] = []
        symbol: Symbol | None = None
        for line, base in zip(lines, _bases(lines), strict=True):
            indent = 3 * SYMBOL if line.kind == "end" else 0
            if line.kind == "end" and symbol is None and cell.stop.end:
                symbol = Symbol(x + PAD + SYMBOL, y + base - 4, cell.stop.end.fate)
            texts.append(Text(x + PAD + indent, y + base, line.text, line.kind))
        return Card(
            id=f"card-{number}",
            x=x,
            y=y,
            width=self.card_width,
            height=_height(lines),
            place=cell.stop.place,
            origin=cell.stop.origin,
            label=f"{safe(str(cell.stop.place))}: {', '.join(line.text for line in card_lines(cell.stop))}",
            texts=tuple(texts),
            symbol=symbol,
            cause=bool(cell.stop.causes),
        )

    def _arrow(self, number: int, cell: Cell, cards: Sequence[Card]) -> Arrow:
        assert cell.before is not None
        assert cell.stop.arrived is not None
        source, target = cards[cell.before], cards[number]
        link = cell.stop.arrived
        lines = self.words[number].arrow
        x = self._column(cell.column) + SHAFT
        up = target.y < source.y
        head = Point(x, target.y + target.height if up else target.y)
        points: tuple[Point, ...]
        if self.grid.cells[cell.before].column == cell.column:
            points = (Point(x, source.y if up else source.y + source.height), head)
        else:
            side = Point(source.x + source.width, source.y + PAD + 7)
            if target.y == source.y:
                points = (side, Point(target.x, side.y))
            else:
                points = (side, Point(x, side.y), head)
        gap = cell.row + 1 if up else cell.row
        base = self._gap_top(gap) + 10 + (self.gaps[gap] - 20 - len(lines) * LINE) // 2 + 11
        texts = tuple(
            Text(x + 14, base + position * LINE, line.text, line.kind) for position, line in enumerate(lines)
        )
        way = safe(f"{link.source} to {link.hop.place}")
        return Arrow(
            id=f"arrow-{number}",
            points=points,
            origin=cell.stop.origin,
            link=link.id,
            tunnel=any(line.kind == "tunnel" for line in lines),
            label=f"{way}: {', '.join(line.text for line in lines)}",
            texts=texts,
        )

    def _gap_top(self, gap: int) -> int:
        return self.tops[gap - 1] + self.lanes[gap - 1] if gap else self.top + HEADING

    def _column(self, column: int) -> int:
        return MARGIN + PAD + GUTTER + column * (self.card_width + BETWEEN)

    def _places(self) -> list[Place]:
        return [place for machine in self.grid.machines for place in machine.places]

    def _name(self, place: Place) -> list[str]:
        return _name_lines(safe(place.name), (GUTTER - 2 * PAD) // BOLD)


def _name_lines(name: str, columns: int) -> list[str]:
    """A name in few lines, broken behind its own signs."""
    rows = [""]
    for part in re.split(r"(?<=[/.:-])", name):
        if width(rows[-1] + part) <= columns:
            rows[-1] += part
        else:
            rows += broken(part, columns)
    rows = [row for row in rows if row]
    if len(rows) <= NAME_LINES:
        return rows
    return [*rows[: NAME_LINES - 1], cut(rows[NAME_LINES - 1] + "…", columns)]


def _words(cell: Cell, cells: Sequence[Cell]) -> _Words:
    link = cell.stop.arrived
    arrow: tuple[Line, ...] = ()
    if link and cell.before is not None:
        arrow = tuple(arrow_lines(cell.stop, link, cells[cell.before].stop))
    return _Words(tuple(card_lines(cell.stop)), arrow)


def _wrapped(lines: Sequence[Line], columns: int) -> tuple[Line, ...]:
    return tuple(
        part for line in lines for part in wrapped(line, columns - 7 if line.kind == "end" else columns)
    )


def _bases(lines: Sequence[Line]) -> Iterator[int]:
    """Base lines below the top of a card; there is some air around what has a symbol."""
    base = PAD - 5
    before = ""
    for line in lines:
        base += LINE + (AIR if "end" in (line.kind, before) and line.kind != before else 0)
        before = line.kind
        yield base


def _height(lines: Sequence[Line]) -> int:
    return max(_bases(lines), default=0) + PAD + (AIR if lines[-1:] and lines[-1].kind == "end" else 0)
