"""The frame of a page: its head, the navigation, and the two files that every page needs."""

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

from kubectl_skoop.report.html.markup import Markup, h, join, raw
from kubectl_skoop.report.picture.colours import page_style

Asset = Literal["skoop.css", "skoop.js", "icon.svg"]
_POLICY = (
    "default-src 'none'; script-src '{script}'; style-src '{style}'; base-uri 'none'; form-action 'none'"
)


class Section(NamedTuple):
    """An entry of the navigation."""

    href: str
    name: str


SECTIONS = (
    Section("./", "Ask"),
    Section("check", "Check"),
    Section("cluster", "Cluster"),
    Section("places", "Tables"),
    Section("matrix", "Connectivity"),
    Section("codes", "Codes"),
)


@cache
def asset(name: Asset) -> str:
    """The style has that of pictures in it."""
    text = files("kubectl_skoop.report.html").joinpath(name).read_text("utf-8")
    return text + page_style() if name == "skoop.css" else text


def served_page(title: str, *content: object, here: str = "", refresh: int = 0) -> str:
    """A page of the server: style and script are files beside it, so that no inline ones need be allowed.

    `here`: the section's href. `refresh`: seconds after which the page is to be loaded again.
    """
    head = join(
        h("link", rel="icon", href="icon.svg", type="image/svg+xml"),
        h("link", rel="stylesheet", href="skoop.css"),
        h("script", src="skoop.js", defer=True),
        h("meta", http_equiv="refresh", content=str(refresh)) if refresh else None,
    )
    links = (
        h("a", section.name, href=section.href, aria_current="page" if section.href == here else None)
        for section in SECTIONS
    )
    return _document(title, head, h("nav", links, aria_label="Sections"), content)


def single_page(title: str, *content: object) -> str:
    """A page that is one file and loads nothing: its policy names the hashes of its own style and script."""
    style, script = asset("skoop.css"), asset("skoop.js")
    policy = _POLICY.format(script=_hash(script), style=_hash(style))
    head = join(
        h("meta", http_equiv="Content-Security-Policy", content=policy),
        h("style", raw(style)),
    )
    return _document(title, head, None, content, last=h("script", raw(script)))


def _document(
    title: str, head: Markup, navigation: Markup | None, content: object, last: Markup | None = None
) -> str:
    return "<!doctype html>\n" + h(
        "html",
        h(
            "head",
            h("meta", charset="utf-8"),
            h("meta", name="viewport", content="width=device-width, initial-scale=1"),
            h("meta", name="color-scheme", content="light dark"),
            h("meta", name="referrer", content="no-referrer"),
            h("title", f"{title} · kubectl skoop" if title else "kubectl skoop"),
            head,
        ),
        h(
            "body",
            h("a", "Skip to the content", href="#content", class_="skip"),
            h(
                "header",
                h("span", h("span", "kubectl", class_="quiet"), " skoop", class_="brand"),
                navigation,
                h("button", "Theme", type="button", id="theme", hidden=True, class_="plain"),
                class_="top",
            ),
            h("main", content, id="content", tabindex="-1"),
            h("div", id="said", role="status", aria_live="polite", class_="unseen"),
            last,
        ),
        lang="en",
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode('ascii')}"
