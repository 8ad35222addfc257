"""The page of the cluster: what the snapshot holds of it, and what it lacks, node by node."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from kubectl_skoop.diagnosis.result import Fact
from kubectl_skoop.report.html.finding import facts_table
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.html.page import served_page

NODES = 25
"""On one page."""
PODS = 10
"""Of one node that are named."""


class NodeRow(NamedTuple):
    """One node."""

    name: str
    collected: bool
    read: str
    """When; empty: never."""
    kernel: str
    pods: Sequence[str]
    """`shop/cart-0`, those whose network was collected."""
    missing: Sequence[str]
    """What could not be read, with the reason."""


class ClusterView(NamedTuple):
    """A part of the nodes, and what is known of the whole."""

    facts: Sequence[Fact]
    about: Sequence[tuple[str, str]]
    """Of the snapshot: what, and its value."""
    rows: Sequence[NodeRow]
    found: int
    """Nodes that fit."""
    searched: str
    only_missing: bool
    page: int
    lost: Sequence[str]
    """What else is missing or damaged."""


def cluster_page(view: ClusterView) -> str:
    pages = pages_of(view.found)
    return served_page(
        "Cluster",
        h("h1", "What the snapshot holds"),
        h(
            "section",
            h("dl", ((h("dt", what), h("dd", value)) for what, value in view.about), class_="about"),
        ),
        h("section", h("h2", "Detected"), h("div", facts_table(view.facts), class_="wide")),
        h(
            "section",
            h("h2", f"Missing beside nodes ({len(view.lost):,})"),
            h("ul", (h("li", line) for line in view.lost)),
        )
        if view.lost
        else None,
        h("section", h("h2", "Nodes"), _form(view), _nodes(view), _pager(view, pages)),
        here="cluster",
    )


def pages_of(found: int) -> int:
    return max(1, -(-found // NODES))


def _form(view: ClusterView) -> Markup:
    return h(
        "form",
        h("label", h("span", "Name of a node"), h("input", name="q", value=view.searched, type="search")),
        h(
            "label",
            h("input", type="checkbox", name="missing", value="1", checked=view.only_missing),
            h("span", " Only nodes that were not collected, or lack a pod"),
            class_="check",
        ),
        h("button", "Search", type="submit"),
        action="cluster",
        method="get",
        class_="find",
    )


def _nodes(view: ClusterView) -> Markup:
    if not view.rows:
        return h("p", "No node fits.")
    heads = ("Node", "Read", "Kernel", "Pods with a network of their own", "Missing")
    return h(
        "div",
        h(
            "table",
            h("thead", h("tr", (h("th", name, scope="col") for name in heads))),
            h("tbody", map(_row, view.rows)),
            class_="plain nodes",
        ),
        class_="wide",
    )


def _row(row: NodeRow) -> Markup:
    sign = "✓" if not row.missing else "?"
    kind = "allowed" if not row.missing else "unknown"
    said = "nothing" if not row.missing else None
    return h(
        "tr",
        h("th", _to(f"node/{row.name}") if row.collected else row.name, scope="row"),
        h("td", row.read or "not collected"),
        h("td", row.kernel),
        h("td", _pods(row.pods)),
        h(
            "td",
            h("span", sign, aria_hidden="true", class_=f"cell {kind}"),
            " ",
            said,
            h("ul", (h("li", line) for line in row.missing)) if row.missing else None,
        ),
    )


def _pods(pods: Sequence[str]) -> list[object]:
    named = [_to(f"pod/{pod}", pod) for pod in pods[:PODS]]
    parts: list[object] = [f"{len(pods)}: " if pods else "none"]
    for at, link in enumerate(named):
        parts += [", ", link] if at else [link]
    return [*parts, ", …"] if len(pods) > PODS else parts


def _pager(view: ClusterView, pages: int) -> Markup | None:
    if pages == 1:
        return None

    def to(number: int) -> str:
        words = {"q": view.searched, "missing": "1" if view.only_missing else "", "page": str(number)}
        return f"cluster?{urlencode({name: value for name, value in words.items() if value})}"

    return h(
        "nav",
        h("a", "← before", href=to(view.page - 1), rel="prev") if view.page > 1 else None,
        h("span", f"page {view.page:,} of {pages:,}"),
        h("a", "after →", href=to(view.page + 1), rel="next") if view.page < pages else None,
        class_="pager",
        aria_label="Pages",
    )


def _to(written: str, shown: str = "") -> Markup:
    return h("a", shown or written, href=f"place?{urlencode({'at': written})}")
