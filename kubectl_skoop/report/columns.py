"""Text in columns of a fixed font: how wide it is, and where it is broken."""

from collections.abc import Iterator
from unicodedata import east_asian_width


def width(text: str) -> int:
    """Columns: East Asian characters take two."""
    return len(text) if text.isascii() else sum(map(_wide, text))


def pad(text: str, columns: int) -> str:
    """With spaces up to a width."""
    return text + " " * (columns - width(text))


def cut(text: str, columns: int) -> str:
    """At most `columns` wide."""
    return text if width(text) <= columns else _head(text, columns - 1) + "…"


def broken(text: str, columns: int, *, words: bool = False) -> Iterator[str]:
    """Lines, broken at spaces; what has none is broken anywhere, or with `words` kept whole."""
    row = ""
    for word in text.split(" "):
        if row and width(row) + 1 + width(word) <= columns:
            row += " " + word
            continue
        if row:
            yield row
        while not words and width(word) > columns:
            head = _head(word, columns)
            yield head
            word = word[len(head) :]
        row = word
    yield row


def _head(text: str, columns: int) -> str:
    used = 0
    for position, char in enumerate(text):
        used += _wide(char)
        if used > columns:
            return text[: max(position, 1)]
    return text


def _wide(char: str) -> int:
    return 2 if east_asian_width(char) in ("W", "F") else 1
