"""The connectivity matrix: senders down, receivers across, a window of it at a time."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from kubectl_skoop.cluster.connectivity import Outer
from kubectl_skoop.cluster.policy.address import ANYWHERE
from kubectl_skoop.cluster.policy.interval import Intervals
from kubectl_skoop.cluster.policy.port import ports_text
from kubectl_skoop.cluster.policy.universe import positions_of
from kubectl_skoop.report.connectivity.view import OUTSIDE, View, outside_text, rows_of
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.html.page import served_page

SIDE = 30
"""Senders and receivers in one window."""
_SIGNS = {"allowed": "✓", "none": "✕", "unknown": "?"}


class Window(NamedTuple):
    """Which part of the matrix is seen."""

    source: str = ""
    """What the senders were narrowed to; empty: all."""
    destination: str = ""
    down: int = 1
    """Page of senders, from 1."""
    across: int = 1


def matrix_page(view: View, window: Window) -> str:
    senders, receivers = positions_of(view.sources), positions_of(view.destinations)
    down, downs = _page(window.down, senders)
    across, acrosses = _page(window.across, receivers)
    window = window._replace(down=down, across=across)
    rows = senders[(down - 1) * SIDE : down * SIDE]
    columns = receivers[(across - 1) * SIDE : across * SIDE]
    return served_page(
        "Connectivity",
        _head(window),
        _legend(),
        h(
            "div",
            _pages("Senders", window, "down", down, downs),
            _pages("Receivers", window, "across", across, acrosses),
            class_="pagers",
        ),
        h("div", _table(view, rows, columns), class_="wide"),
        here="matrix",
    )


def waiting_page() -> str:
    """While the connectivity of a large cluster is made out."""
    return served_page(
        "Connectivity",
        h("h1", "Who may talk to whom"),
        h("p", "The policies of this cluster are being read. The page loads itself again."),
        here="matrix",
        refresh=2,
    )


def refused_matrix_page(window: Window, message: Markup) -> str:
    return served_page("Connectivity", _head(window), message, here="matrix")


def _head(window: Window) -> list[Markup]:
    return [
        h("h1", "Who may talk to whom"),
        h("p", "By network policy alone: services and routes are not asked. Senders down, receivers across."),
        h(
            "form",
            (
                h(
                    "label",
                    h("span", label),
                    h(
                        "input",
                        name=name,
                        value=value,
                        placeholder="ns/shop, deploy/shop/web",
                        autocomplete="off",
                    ),
                )
                for label, name, value in (
                    ("Senders", "from", window.source),
                    ("Receivers", "to", window.destination),
                )
            ),
            h("button", "Narrow", type="submit"),
            action="matrix",
            method="get",
            class_="find",
        ),
    ]


def _legend() -> Markup:
    words = (
        ("allowed", "allowed on these ports"),
        ("none", "nothing is allowed"),
        ("unknown", "cannot be said"),
    )
    return h(
        "p",
        (
            h("span", h("span", _SIGNS[kind], aria_hidden="true"), f" {text} ", class_=f"cell {kind}")
            for kind, text in words
        ),
        class_="legend",
    )


def _page(wanted: int, found: Sequence[int]) -> tuple[int, int]:
    pages = max(1, -(-len(found) // SIDE))
    return min(max(1, wanted), pages), pages


def _pages(label: str, window: Window, side: str, page: int, pages: int) -> Markup | None:
    if pages == 1:
        return None

    def to(number: int) -> str:
        words = {
            "from": window.source,
            "to": window.destination,
            "down": window.down,
            "across": window.across,
        }
        return f"matrix?{urlencode(words | {side: number})}"

    return h(
        "nav",
        h("a", "←", href=to(page - 1), aria_label=f"{label} before") if page > 1 else None,
        h("span", f"{label}: page {page:,} of {pages:,}"),
        h("a", "→", href=to(page + 1), aria_label=f"{label} after") if page < pages else None,
        class_="pager",
        aria_label=label,
    )


def _table(view: View, rows: Sequence[int], columns: Sequence[int]) -> Markup:
    names = view.names
    heads = (h("th", h("span", names[at]), scope="col") for at in columns)
    body = (
        h(
            "tr",
            h("th", names[source], scope="row"),
            (_cell(view, source, at) for at in columns),
            _to_outside(view, source) if view.outgoing else None,
        )
        for source in rows
    )
    return h(
        "table",
        h("caption", "Senders down, receivers across", class_="unseen"),
        h(
            "thead",
            h(
                "tr",
                h("th", "from \\ to", scope="col"),
                heads,
                h("th", h("span", OUTSIDE), scope="col") if view.outgoing else None,
            ),
        ),
        h(
            "tbody",
            body,
            h(
                "tr",
                h("th", OUTSIDE, scope="row"),
                (_from_outside(view, at) for at in columns),
                h("td") if view.outgoing else None,
            )
            if view.incoming
            else None,
        ),
        class_="matrix",
    )


def _cell(view: View, source: int, at: int) -> Markup:
    ends = view.found.ends[at]
    if source == at and len(view.found.classes[at].members) == 1:
        return h("td", "itself", class_="cell itself")
    words = {"s": _member(view, source), "d": _member(view, at)}
    return _shown(
        rows_of(ends.allowed, source),
        rows_of(ends.unknown, source),
        f"./?{urlencode(words)}" if all(words.values()) else "",
    )


def _member(view: View, at: int) -> str:
    """One pod or node of a class, to ask about."""
    one = view.found.classes[at]
    return f"{'node' if one.party.kind == 'node' else 'pod'}/{one.members[0]}" if one.members else ""


def _from_outside(view: View, at: int) -> Markup:
    ends = view.found.ends[at]
    return _outer(ends.from_outside, ends.from_outside_unknown)


def _to_outside(view: View, at: int) -> Markup:
    ends = view.found.ends[at]
    return _outer(ends.to_outside, ends.to_outside_unknown)


def _outer(allowed: Sequence[Outer], unknown: Sequence[Outer]) -> Markup:
    """With the part of the outside, where it is not all of it."""
    parts = (
        ports_text(one.ports)
        if one.addresses == ANYWHERE
        else f"{outside_text(one.addresses)}: {ports_text(one.ports)}"
        for one in (*allowed, *unknown)
    )
    kind = "unknown" if unknown else "allowed" if allowed else "none"
    return _td(kind, "; ".join(parts) or "none")


def _shown(allowed: Intervals, unknown: Intervals, href: str) -> Markup:
    kind = "unknown" if unknown else "allowed" if allowed else "none"
    text = ports_text(unknown or allowed)
    return _td(kind, h("a", text, href=href, title="Ask for one packet") if href else text)


def _td(kind: str, content: object) -> Markup:
    """Sign, words and colour: none of them alone."""
    said = "unknown: " if kind == "unknown" else None
    return h("td", h("span", _SIGNS[kind], aria_hidden="true"), " ", said, content, class_=f"cell {kind}")
