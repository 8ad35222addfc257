"""The style of a picture: light and dark colours that colour-blind people can tell apart (Okabe and Ito)."""

from typing import NamedTuple


class Colours(NamedTuple):
    ground: str
    machine: str
    machine_edge: str
    lane: str
    lane_edge: str
    card: str
    card_edge: str
    ink: str
    quiet: str
    way: str
    back: str
    pipe: str
    good: str
    bad: str
    warn: str
    unsure: str
    bad_card: str
    good_card: str
    unsure_card: str
    on_sign: str


LIGHT = Colours(
    ground="#ffffff", machine="#f1f4f7", machine_edge="#d3dae2", lane="#ffffff", lane_edge="#d3dae2",
    card="#f8fafc", card_edge="#b8c2cc", ink="#1b2733", quiet="#55636f", way="#0072b2", back="#5b5f97",
    pipe="#a9d3ec", good="#00795a", bad="#c34a00", warn="#9a6700", unsure="#a0477f",
    bad_card="#fff1e8", good_card="#eaf7f2", unsure_card="#fbeff6", on_sign="#ffffff",
)  # fmt: skip
DARK = Colours(
    ground="#12171c", machine="#1a2129", machine_edge="#303b46", lane="#151b21", lane_edge="#303b46",
    card="#202932", card_edge="#46535f", ink="#e6ebf0", quiet="#a2afbb", way="#56b4e9", back="#a9adf0",
    pipe="#1f4f6d", good="#35c79b", bad="#ff8a4c", warn="#f0b429", unsure="#e79ac6",
    bad_card="#3a2318", good_card="#15302a", unsure_card="#35202e", on_sign="#12171c",
)  # fmt: skip

FILL_AND_LINE = {
    "arrives": (LIGHT.good_card, LIGHT.good),
    "refused": (LIGHT.bad_card, LIGHT.bad),
    "dropped": (LIGHT.bad_card, LIGHT.bad),
    "unknown": (LIGHT.unsure_card, LIGHT.unsure),
}
"""Of a card where a way ends, for formats that have one scheme only; by fate."""

SANS = 'system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", Arial, sans-serif'
MONO = 'ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono", monospace'

_SHAPES = f"""
.skoop text{{font:12px {SANS};white-space:pre}}
.skoop .device,.skoop .change,.skoop .packet,.skoop .tunnel,.skoop .note{{font:11.5px {MONO}}}
.skoop .question{{font-size:16px;font-weight:600}}
.skoop .answer{{font-size:14px}}
.skoop .heading{{font-size:13px;font-weight:600}}
.skoop .place,.skoop .action,.skoop .end,.skoop .share{{font-weight:600}}
.skoop .kind{{font-size:11px}}
.skoop .shaft{{fill:none;stroke-width:2}}
.skoop .back .shaft{{stroke-dasharray:6 4}}
.skoop .pipe{{fill:none;stroke-width:10}}
.skoop .symbol path{{fill:none;stroke-width:2;stroke-linecap:round;stroke-linejoin:round}}
.skoop .card.dropped>rect,.skoop .card.refused>rect,.skoop .card.unknown>rect{{stroke-width:2}}
"""


def style() -> str:
    """Of a document of its own: dark where the reader's system is."""
    return f"{_SHAPES}{colour_rules(LIGHT)}@media(prefers-color-scheme:dark){{{colour_rules(DARK)}}}\n"


def page_style() -> str:
    """For a page: dark where the reader's system is, unless the root's `data-theme` says light or dark."""
    system = colour_rules(DARK, ':root:not([data-theme="light"]) ')
    chosen = colour_rules(DARK, ':root[data-theme="dark"] ')
    return f"{_SHAPES}{colour_rules(LIGHT)}@media(prefers-color-scheme:dark){{{system}}}\n{chosen}"


def colour_rules(colours: Colours, scope: str = "") -> str:
    """`scope`: a selector before each rule."""
    c = colours
    rules = {
        ".ground": f"fill:{c.ground}",
        ".machine>rect": f"fill:{c.machine};stroke:{c.machine_edge}",
        ".lane>rect": f"fill:{c.lane};stroke:{c.lane_edge}",
        ".card>rect": f"fill:{c.card};stroke:{c.card_edge}",
        ".card.arrives>rect": f"fill:{c.good_card};stroke:{c.good}",
        ".card.dropped>rect": f"fill:{c.bad_card};stroke:{c.bad}",
        ".card.refused>rect": f"fill:{c.bad_card};stroke:{c.bad}",
        ".card.unknown>rect": f"fill:{c.unsure_card};stroke:{c.unsure}",
        "text": f"fill:{c.ink}",
        "text.kind": f"fill:{c.quiet}",
        "text.note": f"fill:{c.quiet}",
        "text.heading": f"fill:{c.quiet}",
        "text.cause": f"fill:{c.bad}",
        ".way .shaft": f"stroke:{c.way}",
        ".way .head": f"fill:{c.way}",
        ".back .shaft": f"stroke:{c.back}",
        ".back .head": f"fill:{c.back}",
        ".pipe": f"stroke:{c.pipe}",
        ".symbol path": f"stroke:{c.on_sign}",
        ".symbol circle": f"fill:{c.quiet}",
        ".symbol.arrives circle": f"fill:{c.good}",
        ".symbol.dropped circle": f"fill:{c.bad}",
        ".symbol.refused circle": f"fill:{c.bad}",
        ".symbol.told circle": f"fill:{c.warn}",
        ".symbol.partial circle": f"fill:{c.warn}",
        ".symbol.unknown circle": f"fill:{c.unsure}",
    }
    return "".join(f"{scope}.skoop {selector}{{{rule}}}\n" for selector, rule in rules.items())
