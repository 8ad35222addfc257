"""The connectivity as a matrix: senders down, receivers across."""

from collections.abc import Sequence
from urllib.parse import urlencode

from kubectl_skoop.cluster.connectivity import OUTSIDE, Outer
from kubectl_skoop.cluster.policy.address import ANYWHERE
from kubectl_skoop.cluster.policy.interval import Intervals
from kubectl_skoop.cluster.policy.port import ports_text
from kubectl_skoop.report.connectivity.view import View, outside_text, rows_of
from kubectl_skoop.report.html.markup import Markup, h

TITLE = "Who may talk to whom"
ABOUT = "By network policy alone: services and routes are not asked. Senders down, receivers across."
_SIGNS = {"allowed": "✓", "none": "✕", "unknown": "?"}


def matrix(view: View, rows: Sequence[int], columns: Sequence[int], *, doors: bool) -> list[Markup | None]:
    """Of the classes at these positions, with what the signs mean. `doors`: a cell leads to a question."""
    reasons = view.reasons()
    return [
        _legend(),
        h("div", _table(view, rows, columns, doors), class_="wide"),
        h(
            "details",
            h("summary", f"Why something cannot be said ({len(reasons)})"),
            h("ul", (h("li", reason) for reason in reasons)),
        )
        if reasons
        else None,
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


def _table(view: View, rows: Sequence[int], columns: Sequence[int], doors: bool) -> Markup:
    names = view.names
    heads = (h("th", h("span", names[at]), scope="col") for at in columns)
    body = (
        h(
            "tr",
            h("th", names[source], scope="row"),
            (_cell(view, source, at, doors) for at in columns),
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


def _cell(view: View, source: int, at: int, doors: bool) -> Markup:
    ends = view.found.ends[at]
    if source == at and len(view.found.classes[at].members) == 1:
        return h("td", "itself", class_="cell itself")
    words = {"s": _member(view, source), "d": _member(view, at)}
    return _shown(
        rows_of(ends.allowed, source),
        rows_of(ends.unknown, source),
        f"./?{urlencode(words)}" if doors and all(words.values()) else "",
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
