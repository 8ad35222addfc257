"""`-o svg`: a Picture as one SVG, which loads nothing.

Colours are classes, so that a page can give its own. Cards and arrows are named for screen readers, and have
`data-` attributes that say where they stand in the Diagnosis.
"""

from collections.abc import Callable, Iterator, Mapping
from html import escape
from typing import Final

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.picture.colours import style
from kubectl_skoop.report.picture.layout import picture as layout
from kubectl_skoop.report.picture.shapes import Area, Arrow, Card, Picture, Point, Symbol, Text
from kubectl_skoop.report.picture.ways import Origin

RADIUS: Final = 8
HEAD: Final = 9
"""Length of an arrow's head, px."""

_SIGNS: Mapping[str, str] = {
    "arrives": "M-4 0 L-1 3 L4 -3",
    "told": "M0 -4 L0 1 M0 3.5 L0 4",
    "refused": "M-4 0 L4 0",
    "dropped": "M-3 -3 L3 3 M-3 3 L3 -3",
    "partial": "M-4 4 L4 -4",
    "unknown": "M-2.5 -2 C-2.5 -5 2.5 -5 2.5 -2 C2.5 0 0 0 0 1.5 M0 4 L0 4.5",
    "ignored": "M-3 0 L3 0",
}


def diagnosis_svg(diagnosis: Diagnosis) -> str:
    """A document of its own."""
    return svg_text(layout(diagnosis))


def svg_text(
    picture: Picture, *, standalone: bool = True, door: Callable[[Card | Arrow], str] | None = None
) -> str:
    """`standalone`: a document with its style; else an element for a page that has `colours.page_style`.

    `door`: the id of the page's element that a card or an arrow is a link to.
    """
    return "\n".join(_svg(picture, standalone, door)) + "\n"


def _svg(picture: Picture, standalone: bool, door: Callable[[Card | Arrow], str] | None) -> Iterator[str]:
    if standalone:
        yield '<?xml version="1.0" encoding="UTF-8"?>'
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="skoop" width="{picture.width}"'
        f' height="{picture.height}" viewBox="0 0 {picture.width} {picture.height}"'
        ' role="graphics-document document" aria-labelledby="skoop-title skoop-desc">'
    )
    yield f'<title id="skoop-title">{text(picture.title)}</title>'
    yield f'<desc id="skoop-desc">{text(picture.description)}</desc>'
    if standalone:
        yield f"<style>{style()}</style>"
        yield f'<rect class="ground" width="{picture.width}" height="{picture.height}"/>'
    for area in picture.frames:
        yield _area(area, "machine")
    for area in picture.lanes:
        yield _area(area, "lane")
    for arrow in picture.arrows:
        yield _linked(_arrow(arrow), door and door(arrow))
    for card in picture.cards:
        yield _linked(_card(card), door and door(card))
    yield from map(_line, picture.texts)
    yield from map(_symbol, picture.symbols)
    yield "</svg>"


def _linked(shape: str, door: str | None) -> str:
    return f'<a href="#{text(door)}">{shape}</a>' if door else shape


def text(value: str) -> str:
    """For the content of an element and for an attribute in quotes. XML has no way to write most controls."""
    return escape("".join(char if _allowed(char) else "\ufffd" for char in value))


def _allowed(char: str) -> bool:
    """The production Char of XML 1.0."""
    code = ord(char)
    return code in (9, 10, 13) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def _area(area: Area, kind: str) -> str:
    inside = "".join(map(_line, area.texts))
    radius = RADIUS + 4 if kind == "machine" else RADIUS
    return (
        f'<g id="{area.id}" class="{kind} {area.place.kind}" {_place(area.place)}>'
        f"<title>{text(safe(str(area.place)))}</title>"
        f'<rect x="{area.x}" y="{area.y}" width="{area.width}" height="{area.height}" rx="{radius}"/>'
        f"{inside}</g>"
    )


def _card(card: Card) -> str:
    fate = f" {card.symbol.sign}" if card.symbol else ""
    cause = " cause" if card.cause else ""
    inside = "".join(map(_line, card.texts)) + (_symbol(card.symbol) if card.symbol else "")
    return (
        f'<g id="{card.id}" class="card {card.origin.direction}{fate}{cause}" {_place(card.place)}'
        f" {_origin(card.origin)} {_label(card.label)}><title>{text(card.label)}</title>"
        f'<rect x="{card.x}" y="{card.y}" width="{card.width}" height="{card.height}" rx="{RADIUS}"/>'
        f"{inside}</g>"
    )


def _arrow(arrow: Arrow) -> str:
    line = "M" + " L".join(f"{x} {y}" for x, y in (*arrow.points[:-1], _short(arrow.points)))
    pipe = f'<path class="pipe" d="{line}"/>' if arrow.tunnel else ""
    return (
        f'<g id="{arrow.id}" class="arrow {arrow.origin.direction}{" tunnel" if arrow.tunnel else ""}"'
        f' data-link="{arrow.link}" {_origin(arrow.origin)} {_label(arrow.label)}>'
        f'<title>{text(arrow.label)}</title>{pipe}<path class="shaft" d="{line}"/>{_head(arrow.points)}'
        f"{''.join(map(_line, arrow.texts))}</g>"
    )


def _direction(points: tuple[Point, ...]) -> Point:
    """Of the last stretch, as a step of one."""
    before, end = points[-2:]
    across, down = end.x - before.x, end.y - before.y
    return Point((across > 0) - (across < 0), (down > 0) - (down < 0))


def _short(points: tuple[Point, ...]) -> Point:
    """The last point, moved back so that the line does not look out of the head."""
    step = _direction(points)
    return Point(points[-1].x - step.x * (HEAD - 1), points[-1].y - step.y * (HEAD - 1))


def _head(points: tuple[Point, ...]) -> str:
    step, tip = _direction(points), points[-1]
    back = (tip.x - step.x * HEAD, tip.y - step.y * HEAD)
    half = HEAD // 2 + 1
    left = (back[0] - step.y * half, back[1] + step.x * half)
    right = (back[0] + step.y * half, back[1] - step.x * half)
    corners = " ".join(f"{x},{y}" for x, y in (tip, left, right))
    return f'<polygon class="head" points="{corners}"/>'


def _line(line: Text) -> str:
    return f'<text class="{line.kind}" x="{line.x}" y="{line.y}">{text(line.text)}</text>'


def _symbol(symbol: Symbol) -> str:
    return (
        f'<g class="symbol {symbol.sign}" transform="translate({symbol.x} {symbol.y})">'
        f'<circle r="8"/><path d="{_SIGNS[symbol.sign]}"/></g>'
    )


def _place(place: Place) -> str:
    return f'data-kind="{place.kind}" data-name="{text(safe(place.name))}"'


def _origin(origin: Origin) -> str:
    branch = "" if origin.branch is None else f' data-branch="{origin.branch}"'
    at = f' data-node="{origin.node}" data-action="{origin.action}"' if origin.node >= 0 else ""
    return f'data-direction="{origin.direction}"{branch}{at}'


def _label(label: str) -> str:
    return f'role="graphics-symbol img" aria-label="{text(label)}"'
