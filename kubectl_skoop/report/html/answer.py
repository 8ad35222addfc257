"""A diagnosis as a part of a page: the answer, the cause, the picture, each stop, the other findings."""

from kubectl_skoop.diagnosis.result import Diagnosis, FateKind, Verdict
from kubectl_skoop.model.share import percent
from kubectl_skoop.report.branches import branches_of
from kubectl_skoop.report.html.figure import figure, first_panel
from kubectl_skoop.report.html.finding import facts_table, finding, findings, gaps
from kubectl_skoop.report.html.links import Links
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.html.page import single_page
from kubectl_skoop.report.html.panel import panels
from kubectl_skoop.report.html.ways import door, ways_of
from kubectl_skoop.report.picture.layout import picture
from kubectl_skoop.report.picture.shapes import Picture
from kubectl_skoop.report.question import question

_SIGNS: dict[Verdict, str] = {"reachable": "✓", "unreachable": "✕", "partial": "◐", "unknown": "?"}
_FATES: dict[FateKind, str] = {"served": "✓", "refused": "✕", "dropped": "✕", "unknown": "?"}


def answer(diagnosis: Diagnosis, links: Links) -> Markup:
    drawn = picture(diagnosis, heading=False)
    others = [one for one in diagnosis.suspicions if one != diagnosis.cause]
    return h(
        "article",
        _verdict(diagnosis),
        _cause(diagnosis, links),
        figure(drawn),
        _stops(diagnosis, drawn, links),
        _branches(diagnosis),
        _section("Other findings", findings(others, links)) if others else None,
        _section("What was taken for granted", h("ul", (h("li", text) for text in diagnosis.assumptions)))
        if diagnosis.assumptions
        else None,
        _section("Missing data", gaps(diagnosis.missing)) if diagnosis.missing else None,
        h("details", h("summary", "Detected"), h("div", facts_table(diagnosis.facts), class_="wide"))
        if diagnosis.facts
        else None,
        class_="answer",
    )


def diagnosis_html(diagnosis: Diagnosis) -> str:
    """`-o html`: one file that loads nothing."""
    return single_page(
        diagnosis.headline, h("p", question(diagnosis), class_="asked"), answer(diagnosis, Links())
    )


def _verdict(diagnosis: Diagnosis) -> Markup:
    return h(
        "div",
        h("span", _SIGNS[diagnosis.verdict], class_="sign", aria_hidden="true"),
        h("h1", diagnosis.headline),
        class_=f"verdict {diagnosis.verdict}",
        id="verdict",
    )


def _cause(diagnosis: Diagnosis, links: Links) -> Markup | None:
    if diagnosis.cause:
        return _section("Cause", finding(diagnosis.cause, links, explained=True))
    if diagnosis.symptom and diagnosis.verdict != "reachable":
        return _section("Symptom", h("p", diagnosis.symptom))
    return None


def _branches(diagnosis: Diagnosis) -> Markup | None:
    if len(diagnosis.branches) < 2:
        return None
    rows = (
        h(
            "li",
            h("meter", min="0", max="1", value=f"{float(branch.share):.4f}", aria_hidden="true"),
            h("strong", h("span", _FATES[branch.fate], aria_hidden="true"), f" {percent(branch.share)}"),
            h(
                "span",
                branch.fate,
                branch.end if branch.end.startswith(",") else f" {branch.end}",
                f": {branch.because}" if branch.because else "",
                h("details", h("summary", "chosen"), (h("p", h("code", choice)) for choice in branch.choices))
                if branch.choices
                else None,
            ),
            class_=branch.fate,
        )
        for branch in branches_of(diagnosis.branches)
    )
    return _section("Branches", h("ul", rows, class_="branches"))


def _stops(diagnosis: Diagnosis, drawn: Picture, links: Links) -> Markup:
    wanted = {*map(door, drawn.cards), *map(door, drawn.arrows)}
    found = (panels(way, wanted, links) for way in ways_of(diagnosis))
    return _section("Stop by stop", h("div", found, class_="panels", data_first=first_panel(drawn) or None))


def _section(title: str, *content: object) -> Markup:
    return h("section", h("h2", title), content)
