"""JSON documents that a cloud's command line printed, one after another in a file."""

import json
import re
from collections.abc import Iterator

_SPACE = re.compile(r"\s*")


def documents(content: bytes) -> Iterator[object]:
    """Several may follow each other, as a loop prints them. Raises: ValueError, RecursionError."""
    text = content.decode("utf-8-sig")
    if not text.strip():
        raise ValueError("is empty")
    decoder, at = json.JSONDecoder(), _skip_space(text, 0)
    while at < len(text):
        document, at = decoder.raw_decode(text, at)
        yield document
        at = _skip_space(text, at)


def _skip_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def reason(error: Exception) -> str:
    """Why a document cannot be read, for the end of a line."""
    match error:
        case json.JSONDecodeError(lineno=line, colno=column, msg=message):
            return f"line {line}, column {column}: {message}"
        case UnicodeDecodeError():
            return "is no UTF-8 text"
        case RecursionError():
            return "is nested too deep"
        case _:
            return str(error)
