"""Findings, facts and gaps as parts of a page."""

from collections.abc import Iterable, Sequence

from kubectl_skoop.diagnosis.result import Fact, Missing
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.report.explain import section
from kubectl_skoop.report.html.links import Links
from kubectl_skoop.report.html.markup import Markup, h, join
from kubectl_skoop.report.html.prose import prose

_SIGNS = {Level.FATAL: "✕", Level.CRITICAL: "!", Level.WARNING: "▲", Level.INFO: "i"}


def level_badge(level: Level) -> Markup:
    """Sign, word and colour: none of them alone."""
    name = level.name.lower()
    return h("span", h("span", _SIGNS[level], aria_hidden="true"), " ", name, class_=f"badge {name}")


def finding(one: Suspicion, links: Links, *, explained: bool = False) -> Markup:
    """`explained`: with what its code means, folded."""
    href = links.finding(one)
    where = str(one.where)
    return h(
        "div",
        h(
            "p",
            level_badge(one.level),
            " ",
            h("a", where, href=href, class_="where") if href else h("span", where, class_="where"),
            class_="line",
        ),
        h("p", one.message, class_="message"),
        h("ul", (h("li", h("code", line)) for line in one.evidence), class_="evidence")
        if one.evidence
        else None,
        h("p", h("strong", "Mend: "), one.remedy, class_="remedy") if one.remedy else None,
        _explained(one.code) if explained else None,
        h("p", code_link(one.code, links), class_="quiet code"),
        class_=f"finding {one.level.name.lower()}",
    )


def findings(found: Sequence[Suspicion], links: Links) -> Markup:
    """By weight: what is worse than a warning stands open."""
    groups = ((level, [one for one in found if one.level is level]) for level in reversed(Level))
    return join(
        h(
            "details",
            h("summary", level_badge(level), f" {len(group)}"),
            (finding(one, links) for one in group),
            open=level >= Level.CRITICAL,
        )
        for level, group in groups
        if group
    )


def facts_table(facts: Iterable[Fact]) -> Markup:
    rows = (
        h("tr", h("th", fact.name, scope="row"), h("td", fact.value), h("td", fact.source)) for fact in facts
    )
    return h(
        "table",
        h("thead", h("tr", (h("th", name, scope="col") for name in ("Fact", "Value", "Read from")))),
        h("tbody", rows),
        class_="plain",
    )


def gaps(missing: Iterable[Missing]) -> Markup:
    return h(
        "ul",
        (
            h("li", h("code", gap.what), f": {gap.state}", f" ({gap.reason})" if gap.reason else None)
            for gap in missing
        ),
    )


def code_link(code: str, links: Links) -> Markup:
    href = links.code(code)
    return h("a", h("code", code), href=href, title="What this means") if href else h("code", code)


def _explained(code: str) -> Markup | None:
    text = section(code)
    if text is None:
        return None
    return h("details", h("summary", "What this means"), prose(text), class_="explained")
