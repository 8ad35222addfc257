"""What a finding's code means: the sections of `docs/suspicions.md`, which the package ships."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from textwrap import fill

from kubectl_skoop.model.codes import CODES
from kubectl_skoop.model.errors import UnknownName

DEVIATIONS = "PLUGIN.TABLE.STATE"
"""The section that stands for the codes of all plugins' deviations."""
WIDTH = 100
STATES = frozenset({"missing", "differs", "unreadable"})


@cache
def sections() -> Mapping[str, str]:
    """Code → the text of its section, without the heading."""
    text = files("kubectl_skoop.report").joinpath("suspicions.md").read_text("utf-8")
    parts = text.split("\n### ")[1:]
    return {
        heading.strip(): body.split("\n## ")[0].strip()
        for heading, _, body in (part.partition("\n") for part in parts)
    }


def explain(code: str) -> str:
    """The section of one code, headed by the code and its meaning in a line.

    Raises: UnknownName with the nearest codes.
    """
    text = section(code)
    if text is not None:
        return _page(code, meaning(code), text)
    near = get_close_matches(code, sections(), n=3)
    hint = "did you mean " + ", ".join(near) + "?" if near else "'explain' without a code lists them"
    raise UnknownName(f"no such code: {code}", hint=hint)


def section(code: str) -> str | None:
    """The Markdown of a code's section; None: there is no such code."""
    known = sections()
    if code in known:
        return known[code]
    deviation = code.count(".") >= 2 and code.rpartition(".")[2] in STATES
    return known[DEVIATIONS] if deviation else None


def meaning(code: str) -> str:
    """A code in one line."""
    return CODES.get(code, "a deviation from what a plugin wants")


def plain(section: str) -> str:
    """Without the marks of Markdown that the sections have."""
    return re.sub(r"\*\*|`", "", section)


def _page(code: str, meaning: str, section: str) -> str:
    """The Markdown as plain text, wrapped for a terminal."""
    paragraphs = plain(section).split("\n\n")
    return "\n\n".join(
        [f"{code}: {meaning}", *(fill(text, WIDTH, break_on_hyphens=False) for text in paragraphs)]
    )
