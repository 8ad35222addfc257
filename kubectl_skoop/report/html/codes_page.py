"""The pages that explain the codes of findings: the list, and one code."""

from collections.abc import Sequence
from urllib.parse import urlencode

from kubectl_skoop.model.codes import CODES
from kubectl_skoop.report.explain import meaning
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.html.page import served_page
from kubectl_skoop.report.html.prose import prose

PAGE = "codes"


def code_href(code: str) -> str:
    """Relative to any page of the server."""
    return f"{PAGE}?{urlencode({'code': code})}"


def codes_page(found: Sequence[str]) -> str:
    """All that there are. `found`: those that `check` gave, as far as it ran."""
    here = (h("li", _entry(code, meaning(code))) for code in found)
    return served_page(
        "Codes",
        h("h1", "Codes of findings"),
        h("section", h("h2", "Found by check"), h("ul", here, class_="codes")) if found else None,
        h(
            "section",
            h("h2", "All"),
            h("ul", (h("li", _entry(code, said)) for code, said in sorted(CODES.items())), class_="codes"),
            h("p", "And what a plugin wants and is not there: PLUGIN.TABLE.STATE, as in ", _deviation(), "."),
        ),
        here=PAGE,
    )


def code_page(code: str, text: str, *, found: bool) -> str:
    """`text`: the section of the code. `found`: `check` has findings of it."""
    return served_page(
        code,
        h("h1", h("code", code)),
        h("section", h("p", h("strong", meaning(code))), prose(text), class_="explained"),
        h(
            "p",
            h("a", "What check found of it", href=f"check?{urlencode({'code': code})}") if found else None,
            " ",
            h("a", "All codes", href=PAGE),
            class_="actions",
        ),
        here=PAGE,
    )


def _entry(code: str, said: str) -> list[object]:
    return [h("a", h("code", code), href=code_href(code)), " ", h("span", said, class_="quiet")]


def _deviation() -> Markup:
    example = "flannel.route.missing"
    return h("a", h("code", example), href=code_href(example))
