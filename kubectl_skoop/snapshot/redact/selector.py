"""Calico's selectors, which are text: `app == 'web' && has(role)`."""

import re

from kubectl_skoop.snapshot.redact.name import NameMap

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^']*'|\"[^\"]*\")|(?P<word>[A-Za-z0-9_./-]+)|(?P<sign>==|!=|&&|\|\||[!(){},]))"
)
_WORDS = frozenset({"all", "has", "in", "not", "global", "any"})
_PARTS = frozenset({"contains", "starts", "ends"})


class SelectorNotKept(ValueError):
    """It asks for a part of a value, which a pseudonym does not have, or cannot be read."""


def selector_text(text: str, names: NameMap) -> str:
    """Raises: SelectorNotKept."""
    written: list[str] = []
    position = 0
    text = text.strip()
    while position < len(text):
        token = _TOKEN.match(text, position)
        if token is None:
            raise SelectorNotKept("a selector that cannot be read")
        position = token.end()
        if token["text"]:
            quote = token["text"][0]
            written.append(f"{quote}{names.label(token['text'][1:-1])}{quote}")
        elif token["word"] in _PARTS:
            raise SelectorNotKept("a selector that asks for a part of a value")
        elif token["word"]:
            written.append(token["word"] if token["word"] in _WORDS else names.label_key(token["word"]))
        else:
            written.append(token["sign"])
    return " ".join(written).replace(" (", "(").replace("( ", "(").replace(" )", ")")
