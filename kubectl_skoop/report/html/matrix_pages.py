"""Pages with the connectivity matrix: a window of it from the server, or all of it in one file."""

from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from kubectl_skoop.cluster.policy.universe import positions_of
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.report.connectivity.view import View
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.html.matrix import ABOUT, TITLE, matrix
from kubectl_skoop.report.html.page import served_page, single_page

SIDE = 30
"""Senders and receivers in one window."""
MOST = 300
"""Senders or receivers in one file."""


class Window(NamedTuple):
    """Which part of the matrix is seen."""

    source: str = ""
    """What the senders were narrowed to; empty: all."""
    destination: str = ""
    down: int = 1
    """Page of senders, from 1."""
    across: int = 1


def connectivity_html(view: View) -> str:
    """`connectivity -o html`: one file that loads nothing. Raises: InputError."""
    rows, columns = positions_of(view.sources), positions_of(view.destinations)
    if len(rows) > MOST or len(columns) > MOST:
        raise InputError(
            f"a matrix of {len(rows)} times {len(columns)} is too large to read",
            hint=f"at most {MOST}: narrow it with --from and --to, as in ns/NAME",
        )
    return single_page(
        "Connectivity",
        h("h1", TITLE),
        h("p", ABOUT),
        _warning(view),
        matrix(view, rows, columns, doors=False),
    )


def matrix_page(view: View, window: Window) -> str:
    senders, receivers = positions_of(view.sources), positions_of(view.destinations)
    down, downs = _page(window.down, senders)
    across, acrosses = _page(window.across, receivers)
    window = window._replace(down=down, across=across)
    rows = senders[(down - 1) * SIDE : down * SIDE]
    columns = receivers[(across - 1) * SIDE : across * SIDE]
    return served_page(
        "Connectivity",
        _head(window),
        _warning(view),
        h(
            "div",
            _pages("Senders", window, "down", down, downs),
            _pages("Receivers", window, "across", across, acrosses),
            class_="pagers",
        ),
        matrix(view, rows, columns, doors=True),
        here="matrix",
    )


def waiting_page() -> str:
    """While the connectivity of a large cluster is made out."""
    return served_page(
        "Connectivity",
        h("h1", TITLE),
        h("p", "The policies of this cluster are being read. The page loads itself again."),
        here="matrix",
        refresh=2,
    )


def refused_matrix_page(window: Window, message: Markup) -> str:
    return served_page("Connectivity", _head(window), message, here="matrix")


def _warning(view: View) -> Markup | None:
    return h("div", h("p", view.warning), class_="problem warning", role="status") if view.warning else None


def _head(window: Window) -> list[Markup]:
    return [
        h("h1", TITLE),
        h("p", ABOUT),
        h(
            "form",
            (
                h(
                    "label",
                    h("span", label),
                    h(
                        "input",
                        name=name,
                        value=value,
                        placeholder="ns/shop, deploy/shop/web",
                        autocomplete="off",
                    ),
                )
                for label, name, value in (
                    ("Senders", "from", window.source),
                    ("Receivers", "to", window.destination),
                )
            ),
            h("button", "Narrow", type="submit"),
            action="matrix",
            method="get",
            class_="find",
        ),
    ]


def _page(wanted: int, found: Sequence[int]) -> tuple[int, int]:
    pages = max(1, -(-len(found) // SIDE))
    return min(max(1, wanted), pages), pages


def _pages(label: str, window: Window, side: str, page: int, pages: int) -> Markup | None:
    if pages == 1:
        return None

    def to(number: int) -> str:
        words = {
            "from": window.source,
            "to": window.destination,
            "down": window.down,
            "across": window.across,
        }
        return f"matrix?{urlencode(words | {side: number})}"

    return h(
        "nav",
        h("a", "←", href=to(page - 1), aria_label=f"{label} before") if page > 1 else None,
        h("span", f"{label}: page {page:,} of {pages:,}"),
        h("a", "→", href=to(page + 1), aria_label=f"{label} after") if page < pages else None,
        class_="pager",
        aria_label=label,
    )
