"""The Markdown of `docs/suspicions.md` as elements: paragraphs, **strong words** and `code`."""

import re
from collections.abc import Iterator

from kubectl_skoop.report.html.markup import Markup, h

_MARKED = re.compile(r"\*\*(.+?)\*\*|`([^`]+)`")


def prose(text: str) -> list[Markup]:
    """Paragraph by paragraph."""
    return [h("p", _inline(" ".join(paragraph.split()))) for paragraph in text.split("\n\n")]


def _inline(text: str) -> Iterator[Markup | str]:
    at = 0
    for match in _MARKED.finditer(text):
        strong, code = match.groups()
        yield text[at : match.start()]
        yield h("strong", strong) if strong else h("code", code)
        at = match.end()
    yield text[at:]
