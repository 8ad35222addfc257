"""The pages of a question: the empty form, the answer, and what was wrong with it."""

import shlex
from collections.abc import Sequence
from typing import NamedTuple

from kubectl_skoop.diagnosis.request import Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.report.html.answer import answer
from kubectl_skoop.report.html.form import question_form
from kubectl_skoop.report.html.links import Links
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.html.page import served_page
from kubectl_skoop.report.html.words import command_of, query_of


class Contents(NamedTuple):
    """What a snapshot holds, in words and numbers."""

    counts: Sequence[tuple[str, int]]
    lost: Sequence[str]
    """What is missing or damaged, in lines."""


def home_page(request: Request, contents: Contents) -> str:
    counts = ", ".join(f"{number:,} {what}" for what, number in contents.counts)
    return served_page(
        "",
        h("h1", "Would this packet arrive?"),
        question_form(request),
        h("p", "Of a snapshot with ", counts, ".", class_="quiet"),
        lost_list(contents.lost),
        here="./",
    )


def answer_page(request: Request, diagnosis: Diagnosis, links: Links, options: Sequence[str]) -> str:
    """`options`: those that the command needs beside the question's own."""
    return served_page(
        diagnosis.headline,
        question_form(request),
        answer(diagnosis, links),
        _share(request, options),
        here="./",
    )


def refused_page(request: Request, message: str, hint: str) -> str:
    """The question cannot be asked like this."""
    return served_page("not answered", question_form(request), problem(message, hint), here="./")


def problem_page(title: str, message: str, hint: str = "") -> str:
    return served_page(title, problem(message, hint))


def problem(message: str, hint: str = "") -> Markup:
    return h(
        "div", h("p", message), h("p", hint, class_="quiet") if hint else None, class_="problem", role="alert"
    )


def lost_list(lost: Sequence[str]) -> Markup | None:
    if not lost:
        return None
    return h(
        "details",
        h("summary", f"Not in the snapshot ({len(lost)})"),
        h("ul", (h("li", line) for line in lost)),
    )


def _share(request: Request, options: Sequence[str]) -> Markup:
    query = query_of(request)
    command = shlex.join([*command_of(request), *options])
    return h(
        "section",
        h("h2", "Share"),
        h(
            "p",
            h("a", "Link to this question", href=f"ask?{query}", id="share"),
            " ",
            h("a", "Save as one file", href=f"answer.html?{query}", download="answer.html"),
            " ",
            h("a", "JSON", href=f"answer.json?{query}", download="answer.json"),
            class_="actions",
        ),
        h("p", h("code", command, id="command"), class_="command"),
    )
