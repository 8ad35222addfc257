"""JSON documents that a cloud's command line printed, one after another in a file."""

import json
from collections.abc import Iterator


def documents(content: bytes) -> Iterator[object]:
    """Several may follow each other, as a loop prints them. Raises: ValueError, RecursionError."""
    text = content.decode("utf-8-sig")
    if not text.strip():
        raise ValueError("is empty")
    decoder, at = json.JSONDecoder(), 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        document, at = decoder.raw_decode(text, at)
        yield document


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
