"""From a Diagnosis to a Picture: the shapes with their places."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from kubectl_skoop.diagnosis.result import Diagnosis, Verdict
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.share import percent
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.picture.grid import Grid, grid
from kubectl_skoop.report.picture.measures import (
    HEADING,
    LINE,
    MARGIN,
    PAD,
    SYMBOL,
    Measures,
    bases,
    card_height,
    measures,
    text_row,
)
from kubectl_skoop.report.picture.shapes import Area, Arrow, Card, Picture, Point, Sign, Symbol, Text
from kubectl_skoop.report.picture.ways import Ways, ways
from kubectl_skoop.report.picture.words import Line, arrow_lines, card_lines, wrapped
from kubectl_skoop.report.question import question

SHAFT = 18
"""How far an arrow is from the left end of its column, px."""
HEADLINE = 22
"""Height of a line of the question and the answer, px."""

_SIGNS: dict[Verdict, Sign] = {
    "reachable": "arrives",
    "unreachable": "dropped",
    "partial": "partial",
    "unknown": "unknown",
}


def picture(diagnosis: Diagnosis, *, heading: bool = True) -> Picture:
    """`heading`: with the question and the answer at the top."""
    drawn = ways(diagnosis)
    placed = grid(drawn)
    sizes = measures(placed)
    lines = tuple(_heading(diagnosis, sizes.width)) if heading else ()
    top = MARGIN + len(lines) * HEADLINE + (PAD if heading else 0)
    shapes = _Shapes(placed, sizes, top + HEADING)
    cards = tuple(shapes.card(number) for number in range(len(placed.cells)))
    numbers = [number for number, cell in enumerate(placed.cells) if cell.before is not None]
    height = top + HEADING + sizes.height + MARGIN + (LINE if drawn.left_out else 0)
    return Picture(
        width=sizes.width,
        height=height,
        title=f"{question(diagnosis)}: {safe(diagnosis.headline)}",
        description="; ".join(card.label for card in cards),
        texts=(
            *_heading_texts(lines),
            *_way_names(drawn, placed, sizes, top + LINE),
            *_left_out(drawn, height),
        ),
        symbols=tuple(_verdict_sign(diagnosis.verdict, lines)),
        frames=tuple(shapes.frames()),
        lanes=tuple(shapes.lanes()),
        cards=cards,
        arrows=tuple(shapes.arrow(number, cards) for number in numbers),
    )


def _heading(diagnosis: Diagnosis, width: int) -> Iterator[Line]:
    yield from wrapped(Line(question(diagnosis), "question"), (width - 2 * MARGIN) // 10)
    told = Line(safe(diagnosis.headline), "answer")
    yield from wrapped(told, (width - 2 * MARGIN - 3 * SYMBOL) // 8)


def _heading_texts(lines: Sequence[Line]) -> Iterator[Text]:
    for number, line in enumerate(lines):
        indent = 3 * SYMBOL if line.kind == "answer" else 0
        yield Text(MARGIN + indent, MARGIN + (number + 1) * HEADLINE - 5, line.text, line.kind)


def _verdict_sign(verdict: Verdict, lines: Sequence[Line]) -> Iterator[Symbol]:
    """Left of the first line of the answer."""
    kinds = [line.kind for line in lines]
    if "answer" in kinds:
        middle = MARGIN + kinds.index("answer") * HEADLINE + HEADLINE // 2 + 1
        yield Symbol(MARGIN + SYMBOL, middle, _SIGNS[verdict])


def _way_names(drawn: Ways, placed: Grid, sizes: Measures, base: int) -> Iterator[Text]:
    if drawn.way:
        yield Text(sizes.column(0), base, "Way", "heading")
    if drawn.back:
        share = drawn.back[0].share
        of = f" of these {percent(share)}" if share < sum(tree.share for tree in drawn.way) else ""
        yield Text(sizes.column(placed.back), base, f"Way back{of}", "heading")


def _left_out(drawn: Ways, height: int) -> Iterator[Text]:
    if drawn.left_out:
        share = percent(sum((ending.share for ending in drawn.left_out), Fraction(0)))
        text = f"{len(drawn.left_out)} more branches ({share}) are not drawn"
        yield Text(MARGIN, height - MARGIN, text, "note")


@dataclass(frozen=True, slots=True)
class _Shapes:
    """What stands in the lanes, which begin at `top`."""

    grid: Grid
    sizes: Measures
    top: int

    def frames(self) -> Iterator[Area]:
        row = 0
        for number, machine in enumerate(self.grid.machines):
            last = row + len(machine.places) - 1
            top = self._lane(row) - PAD
            yield Area(
                id=f"machine-{number}",
                x=MARGIN,
                y=top,
                width=self.sizes.width - 2 * MARGIN,
                height=self._lane(last) + self.sizes.lanes[last] + PAD - top,
                place=machine.node or machine.places[0],
            )
            row = last + 1

    def lanes(self) -> Iterator[Area]:
        places = [place for machine in self.grid.machines for place in machine.places]
        left = MARGIN + PAD
        for row, place in enumerate(places):
            yield Area(
                id=f"lane-{row}",
                x=left,
                y=self._lane(row),
                width=self.sizes.width - 2 * left,
                height=self.sizes.lanes[row],
                place=place,
                texts=tuple(self._names(row, place)),
            )

    def _names(self, row: int, place: Place) -> Iterator[Text]:
        x, base = MARGIN + 2 * PAD, self._lane(row) + PAD + 12
        yield Text(x, base, "outside" if place.kind == "external" else place.kind, "kind")
        for number, part in enumerate(self.sizes.names[row], 1):
            yield Text(x, base + number * LINE, part, "place")

    def card(self, number: int) -> Card:
        cell, lines = self.grid.cells[number], self.sizes.words[number].card
        stop = cell.stop
        x, y = self.sizes.column(cell.column), self._lane(cell.row) + PAD
        texts: list[Text] = []
        symbol: Symbol | None = None
        for line, base in zip(lines, bases(lines), strict=True):
            indent = 3 * SYMBOL if line.kind == "end" else 0
            if line.kind == "end" and symbol is None and stop.end:
                symbol = Symbol(x + PAD + SYMBOL, y + base - 4, stop.end.fate)
            texts.append(Text(x + PAD + indent, y + base, line.text, line.kind))
        return Card(
            id=f"card-{number}",
            x=x,
            y=y,
            width=self.sizes.card_width,
            height=card_height(lines),
            place=stop.place,
            origin=stop.origin,
            label=f"{safe(str(stop.place))}: {', '.join(line.text for line in card_lines(stop))}",
            texts=tuple(texts),
            symbol=symbol,
            cause=bool(stop.causes),
        )

    def arrow(self, number: int, cards: Sequence[Card]) -> Arrow:
        cell, lines = self.grid.cells[number], self.sizes.words[number].arrow
        link = cell.stop.arrived
        assert link is not None
        assert cell.before is not None
        x = self.sizes.column(cell.column) + SHAFT
        straight = self.grid.cells[cell.before].column == cell.column
        way = safe(f"{link.source} to {link.hop.place}")
        told = arrow_lines(cell.stop, link, self.grid.cells[cell.before].stop)
        return Arrow(
            id=f"arrow-{number}",
            points=_points(cards[cell.before], cards[number], x, straight),
            origin=cell.stop.origin,
            link=link.id,
            tunnel=any(line.kind == "tunnel" for line in lines),
            label=f"{way}: {', '.join(line.text for line in told)}",
            texts=tuple(self._beside(x, text_row(self.grid, number), lines)),
        )

    def _beside(self, x: int, row: int, lines: Sequence[Line]) -> Iterator[Text]:
        """In the middle of a gap."""
        room = self.sizes.gaps[row] - len(lines) * LINE
        base = self.top + self.sizes.gap(row) + room // 2 + 11
        for number, line in enumerate(lines):
            yield Text(x + 14, base + number * LINE, line.text, line.kind)

    def _lane(self, row: int) -> int:
        return self.top + self.sizes.lane(row)


def _points(source: Card, target: Card, x: int, straight: bool) -> tuple[Point, ...]:
    """Down or up; from the side of the source, if the target is in another column."""
    up = target.y < source.y
    head = Point(x, target.y + target.height if up else target.y)
    if straight:
        return Point(x, source.y if up else source.y + source.height), head
    side = Point(source.x + source.width, source.y + PAD + 7)
    if target.y == source.y:
        return side, Point(target.x, side.y)
    return side, Point(x, side.y), head
