"""JSON documents that a cloud's command line printed, one after another in a file."""

import json
import re
from collections.abc import Iterator, Sequence

from kubectl_skoop.api import InputError

OTHER = "if they are of another cloud, name it with --cloud-provider"
"""End of a hint about files."""
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
        case json.JSONDecodeError(lineno=line, colno=column, msg=message, pos=at, doc=text):
            cut = ", and the file ends there: it is cut off" if at >= len(text.rstrip()) else ""
            return f"line {line}, column {column}: {message}{cut}"
        case UnicodeDecodeError():
            return "is no UTF-8 text"
        case RecursionError():
            return "is nested too deep"
        case _:
            return str(error)


def alone(options: Sequence[str], cloud: str) -> None:
    """Files stand for the cloud's answers. Raises: InputError, with an option that is for asking it."""
    if options:
        raise InputError(
            f"{options[0]} and --infra contradict each other: with files {cloud} is not asked",
            hint="leave one of them out",
        )
