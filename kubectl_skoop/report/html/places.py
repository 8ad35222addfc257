"""The pages of nodes and pods: the list, and one of their tables with the entries that a packet met."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl, urlencode

from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.report.html.finding import level_badge
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.html.page import served_page
from kubectl_skoop.report.inspect import WHATS
from kubectl_skoop.report.inspect.marks import Mark, Weight

LINES = 500
"""On one page of a table."""
FOCUS = "shown-first"
"""The id of the line to show first."""
_WORDS: dict[Weight, str] = {"cause": "✕ cause: ", "found": "▲ ", "decided": "▸ ", "passed": "↷ "}


class About(NamedTuple):
    """What the marks of a table tell of: a question's packet, or `check`."""

    href: str
    """Leads back."""
    kept: str
    """The words of the address that keep the marks."""
    name: str
    findings: Sequence[Suspicion] = ()
    """Of `check`, about this table."""


class TableView(NamedTuple):
    """A table of a place, and how it is looked at."""

    place: Place
    what: str
    lines: Sequence[tuple[int, str]]
    """With their numbers, from 1; only those that fit what was searched for."""
    marks: Mapping[int, Mark]
    """By number."""
    find: str
    page: int
    """From 1; 0: that of the line to show first."""
    focus: int
    """The number of the line to show first; 0: none."""
    about: About | None
    pods: Sequence[str] = ()
    """That live on the node."""


def places_page(names: Sequence[str], searched: str, *, more: bool) -> str:
    """`names`: as a user writes them. `more`: there are others that fit."""
    return served_page(
        "Tables",
        h("h1", "Tables of a node or pod"),
        h(
            "form",
            h(
                "label",
                h("span", "Name of a node or pod"),
                h("input", name="q", value=searched, type="search"),
            ),
            h("button", "Search", type="submit"),
            method="get",
            class_="find",
        ),
        h("ul", (h("li", _to(name)) for name in names), class_="places")
        if names
        else h("p", "Nothing has a name like that."),
        h("p", "There are more: search for a part of the name.", class_="quiet") if more else None,
        here="places",
    )


def table_page(view: TableView) -> str:
    pages = max(1, -(-len(view.lines) // LINES))
    numbers = [number for number, _ in view.lines]
    at = numbers.index(view.focus) // LINES + 1 if view.focus in numbers else 1
    page = min(view.page or at, pages)
    shown = view.lines[(page - 1) * LINES : page * LINES]
    written = str(view.place)
    tabs = (
        h("a", what, href=_address(view, what=what), aria_current="page" if what == view.what else None)
        for what in WHATS
    )
    return served_page(
        f"{written} {view.what}",
        h("h1", written, " ", h("span", view.what, class_="quiet")),
        h("nav", tabs, class_="tabs", aria_label="Tables"),
        h(
            "form",
            (h("input", type="hidden", name=name, value=value) for name, value in _hidden(view)),
            h(
                "label",
                h("span", "Find in the table"),
                h("input", name="find", value=view.find, type="search"),
            ),
            h("button", "Find", type="submit"),
            action="place",
            method="get",
            class_="find",
        ),
        _legend(view, page, at),
        _pager(view, page, pages),
        h("ol", (_line(number, text, view) for number, text in shown), class_="lines")
        if shown
        else h("p", "Nothing is in it." if not view.find else "No line has that text."),
        _pager(view, page, pages),
        _pods(view.pods),
        here="places",
    )


def focus(lines: Sequence[tuple[int, str]], marks: Mapping[int, Mark], text: str) -> int:
    """The number of the line to show first: a marked one that has the text, else the weightiest; 0: none."""
    found = [(number, line) for number, line in lines if number in marks]
    having = [number for number, line in found if text and text in line]
    return next(iter(having), 0) or next(
        (number for weight in _WORDS for number, _ in found if marks[number].weight == weight), 0
    )


def _line(number: int, text: str, view: TableView) -> Markup:
    mark = view.marks.get(number)
    identity = FOCUS if number == view.focus else None
    if mark is None:
        return h("li", h("code", text), value=number, id=identity)
    return h(
        "li",
        h("mark", h("code", text)),
        h("span", _WORDS[mark.weight], mark.note, class_="note"),
        value=number,
        id=identity,
        class_=mark.weight,
    )


def _legend(view: TableView, page: int, at: int) -> list[Markup]:
    """`at`: the page of the line to show first."""
    about = view.about
    if about is None:
        return []
    back = h("a", about.name, href=about.href)
    there = f"#{FOCUS}" if page == at else f"{_address(view, page=at)}#{FOCUS}"
    go = h("a", "Go there", href=there) if view.marks else None
    if about.findings:
        told = h("ul", (h("li", level_badge(one.level), " ", one.message) for one in about.findings))
        head = h("p", "Found here by ", back, f"; entries that are marked: {len(view.marks)}. ", go)
        return [h("div", head, told, class_="legend said")]
    if not view.marks:
        return [h("p", "No entry here is marked by ", back, ".", class_="legend")]
    return [
        h(
            "p",
            "Entries that the packet of ",
            back,
            f" met are marked: {len(view.marks)}. ",
            go,
            class_="legend",
        )
    ]


def _pager(view: TableView, page: int, pages: int) -> Markup | None:
    if pages == 1:
        return None
    return h(
        "nav",
        h("a", "← before", href=_address(view, page=page - 1), rel="prev") if page > 1 else None,
        h("span", f"page {page:,} of {pages:,}"),
        h("a", "after →", href=_address(view, page=page + 1), rel="next") if page < pages else None,
        class_="pager",
        aria_label="Pages",
    )


def _address(view: TableView, *, what: str = "", page: int = 0) -> str:
    words = {"at": str(view.place), "what": what or view.what}
    if view.find and not what:
        words["find"] = view.find
    if page:
        words["page"] = str(page)
    query = urlencode(words)
    return f"place?{query}&{view.about.kept}" if view.about else f"place?{query}"


def _hidden(view: TableView) -> list[tuple[str, str]]:
    """What the form keeps of the address."""
    return [("at", str(view.place)), ("what", view.what), *parse_qsl(view.about.kept if view.about else "")]


def _pods(pods: Sequence[str]) -> Markup | None:
    if not pods:
        return None
    return h(
        "section", h("h2", "Its pods"), h("ul", (h("li", _to(f"pod/{pod}")) for pod in pods), class_="places")
    )


def _to(written: str) -> Markup:
    return h("a", written, href=f"place?{urlencode({'at': written})}")
