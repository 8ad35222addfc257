"""The picture of a diagnosis in a page: with tools to zoom, doors to the panels, and the same as a list."""

from kubectl_skoop.report.html.markup import Markup, h, raw
from kubectl_skoop.report.html.ways import door
from kubectl_skoop.report.picture.shapes import Picture
from kubectl_skoop.report.picture.svg import svg_text

_HELP = "+ and − zoom, 0 is the true size, f fits; Tab goes from stop to stop, Enter opens one"


def figure(drawn: Picture) -> Markup:
    return h(
        "figure",
        h(
            "div",
            _tool("in", "+", "Zoom in"),
            _tool("out", "−", "Zoom out"),
            _tool("fit", "Fit", "Fit into the page"),
            h("output", data_zoom="now", class_="quiet"),
            h("span", _HELP, class_="quiet help", id="picture-help"),
            class_="tools",
            role="toolbar",
            aria_label="Zoom",
            hidden=True,
        ),
        h(
            "div",
            raw(svg_text(drawn, standalone=False, door=door)),
            class_="canvas",
            tabindex="0",
            role="group",
            aria_label="The way as a picture",
            aria_describedby="picture-help",
        ),
        h("details", h("summary", "The way as a list"), h("ol", _stops(drawn), class_="stops")),
        class_="picture",
    )


def first_panel(drawn: Picture) -> str:
    """What is shown before anything was chosen: where the cause is, else where the way ends."""
    ends = [card for card in drawn.cards if card.cause] or [card for card in drawn.cards if card.symbol]
    return door(ends[0]) if ends else ""


def _stops(drawn: Picture) -> list[Markup]:
    return [
        h("li", h("a", card.label, href=f"#{door(card)}") if door(card) else card.label)
        for card in drawn.cards
    ]


def _tool(act: str, sign: str, label: str) -> Markup:
    return h("button", sign, type="button", data_zoom=act, aria_label=label, title=label)
