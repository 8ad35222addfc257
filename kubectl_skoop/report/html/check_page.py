"""The page of `check`: all findings by weight and code, narrowed by place, namespace and code."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from kubectl_skoop.diagnosis.result import Fact, Missing
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.report.explain import meaning
from kubectl_skoop.report.html.finding import code_link, facts_table, finding, gaps, level_badge
from kubectl_skoop.report.html.links import Links
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.html.page import served_page

TITLE = "What is not as it should be"
ABOUT = "Without a flow: what the network plugin and the cloud want on every node, and every service."
MOST = 50
"""Findings on a page of one code."""
FIRST = 5
"""Findings of a code that are shown among others."""
FEW = 10
"""Findings that stand open, whatever their weight."""
GAPS = 100
"""Gaps that are listed."""


class Wanted(NamedTuple):
    """Which findings are to be seen; empty: all."""

    place: str = ""
    """`node/n1`, with the pods on it; `pod/shop/cart-0`."""
    namespace: str = ""
    code: str = ""
    page: int = 1


class Group(NamedTuple):
    """The findings of one code and level."""

    level: Level
    code: str
    found: Sequence[Suspicion]


class CheckView(NamedTuple):
    """What was found, and how it is looked at."""

    groups: Sequence[Group]
    """Worst first; only what is wanted."""
    codes: Mapping[str, int]
    """All codes that were found, with how often."""
    wanted: Wanted
    facts: Sequence[Fact]
    missing: Sequence[Missing]


def check_page(view: CheckView, links: Links) -> str:
    found = sum(len(group.found) for group in view.groups)
    narrowed = any(view.wanted[:3])
    if view.wanted.code:
        shown: object = [_one_code(group, view.wanted, links) for group in view.groups]
    else:
        shown = [_of_level(level, view.groups, view.wanted, links, found <= FEW) for level in reversed(Level)]
    return served_page(
        "Check",
        h("h1", TITLE),
        h("p", ABOUT),
        _form(view),
        h("p", h("strong", _summary(view.groups, narrowed)), role="status", class_="counts"),
        shown,
        _missing(view.missing),
        h("details", h("summary", "Detected"), h("div", facts_table(view.facts), class_="wide")),
        here="check",
    )


def checking_page() -> str:
    """While the nodes are compared."""
    return served_page(
        "Check",
        h("h1", TITLE),
        h("p", ABOUT),
        h(
            "p",
            "Every node is being compared, which takes minutes where there are thousands. "
            "The page loads itself again; the other pages need not wait.",
            role="status",
        ),
        here="check",
        refresh=2,
    )


def _summary(groups: Sequence[Group], narrowed: bool) -> str:
    if not groups:
        return "Nothing was found that fits." if narrowed else "Nothing was found."
    counts = {level: sum(len(group.found) for group in groups if group.level is level) for level in Level}
    told = ", ".join(f"{counts[level]:,} {level.name.lower()}" for level in reversed(Level) if counts[level])
    return f"Findings: {told}"


def _form(view: CheckView) -> Markup:
    wanted = view.wanted
    return h(
        "form",
        h(
            "div",
            h(
                "label",
                h("span", "Node or pod"),
                h(
                    "input",
                    name="at",
                    value=wanted.place,
                    placeholder="node/n1",
                    data_complete="place-names",
                    autocomplete="off",
                    spellcheck="false",
                    autocapitalize="off",
                ),
            ),
            h(
                "label",
                h("span", "Namespace"),
                h("input", name="ns", value=wanted.namespace, placeholder="shop", autocomplete="off"),
            ),
            h("label", h("span", "Code"), h("select", _codes(view), name="code"), class_="field-code"),
            h("button", "Narrow", type="submit"),
            class_="fields",
        ),
        action="check",
        method="get",
        class_="question",
        id="question",
    )


def _codes(view: CheckView) -> list[Markup]:
    chosen = view.wanted.code
    known = dict(view.codes) if not chosen or chosen in view.codes else {chosen: 0, **view.codes}
    return [
        h("option", "all", value=""),
        *(h("option", f"{code} ({n:,})", value=code, selected=code == chosen) for code, n in known.items()),
    ]


def _of_level(
    level: Level, groups: Sequence[Group], wanted: Wanted, links: Links, few: bool
) -> Markup | None:
    mine = [group for group in groups if group.level is level]
    if not mine:
        return None
    count = sum(len(group.found) for group in mine)
    return h(
        "section",
        h("h2", level_badge(level), f" {count:,}"),
        (_folded(group, wanted, links, few or level >= Level.CRITICAL) for group in mine),
    )


def _folded(group: Group, wanted: Wanted, links: Links, opened: bool) -> Markup:
    count = len(group.found)
    more = f"check?{urlencode(_words(wanted._replace(code=group.code)))}"
    return h(
        "details",
        h(
            "summary",
            h("code", group.code),
            f" × {count:,} " if count > 1 else " ",
            h("span", meaning(group.code), class_="quiet"),
        ),
        (finding(one, links) for one in group.found[:FIRST]),
        h("p", h("a", f"all {count:,} of {group.code}", href=more)) if count > FIRST else None,
        open=opened,
        class_="group",
    )


def _one_code(group: Group, wanted: Wanted, links: Links) -> Markup:
    pages = max(1, -(-len(group.found) // MOST))
    page = min(max(1, wanted.page), pages)
    return h(
        "section",
        h("h2", level_badge(group.level), " ", code_link(group.code, links), f" × {len(group.found):,}"),
        h("p", meaning(group.code), class_="quiet"),
        (finding(one, links) for one in group.found[(page - 1) * MOST : page * MOST]),
        _pager(wanted, page, pages),
    )


def _pager(wanted: Wanted, page: int, pages: int) -> Markup | None:
    if pages == 1:
        return None

    def to(number: int) -> str:
        return f"check?{urlencode(_words(wanted._replace(page=number)))}"

    return h(
        "nav",
        h("a", "← before", href=to(page - 1), rel="prev") if page > 1 else None,
        h("span", f"page {page:,} of {pages:,}"),
        h("a", "after →", href=to(page + 1), rel="next") if page < pages else None,
        class_="pager",
        aria_label="Pages",
    )


def _words(wanted: Wanted) -> dict[str, str]:
    words = {"at": wanted.place, "ns": wanted.namespace, "code": wanted.code}
    words["page"] = str(wanted.page) if wanted.page > 1 else ""
    return {name: value for name, value in words.items() if value}


def _missing(missing: Sequence[Missing]) -> Markup | None:
    if not missing:
        return None
    left = len(missing) - GAPS
    return h(
        "section",
        h("h2", f"Could not be checked: {len(missing):,}"),
        gaps(missing[:GAPS]),
        h("p", f"and {left:,} more; ", h("a", "Cluster", href="cluster"), " lists nodes")
        if left > 0
        else None,
    )
