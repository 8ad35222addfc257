"""The colours of pages: text can be read, in light and in dark (WCAG 2.2, 1.4.3: a contrast of 4.5)."""

import re

import pytest

from kubectl_skoop.report.html.page import asset

STYLE = asset("skoop.css")
PAIRS = [
    *((ink, ground) for ink in ("text", "quiet", "link") for ground in ("page", "card", "sunk")),
    *((ink, f"{ink}-bg") for ink in ("good", "bad", "warn", "info")),
    *(("text", f"{ground}-bg") for ground in ("good", "bad", "warn", "info")),
    ("on-accent", "accent"),
]


def _colours(selector: str) -> dict[str, str]:
    """The variables that the rule of a selector sets."""
    found = re.search(rf"^ *{re.escape(selector)} {{(.*?)}}", STYLE, re.M | re.S)
    assert found
    return dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", found.group(1)))


LIGHT = _colours(":root")
DARK = _colours(':root:not([data-theme="light"])')


def _luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_text_stands_out(colours: dict[str, str], ink: str, ground: str) -> None:
    one, other = sorted((_luminance(colours[ink]), _luminance(colours[ground])))
    assert (other + 0.05) / (one + 0.05) >= 4.5


def test_dark_is_the_same_whoever_chose_it() -> None:
    assert _colours(':root[data-theme="dark"]') == DARK


def test_nothing_is_loaded_by_the_style() -> None:
    for word in ("url(", "@import", "http"):
        assert word not in STYLE
