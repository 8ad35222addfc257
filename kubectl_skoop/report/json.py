"""`-o json`: stable, indented, ASCII only, so that nothing of a snapshot reaches the terminal as it is."""

import json
from collections.abc import Iterator
from itertools import islice

from kubectl_skoop.report.fields import Fields

_BATCH = 50_000
"""Pieces of the encoder, a few characters each, that are handed on together."""


def json_text(fields: Fields) -> str:
    return "".join(json_pieces(fields))


def json_pieces(fields: Fields) -> Iterator[str]:
    """The same text, for what is too large to be had at once."""
    pieces = json.JSONEncoder(indent=2, ensure_ascii=True, allow_nan=False).iterencode(fields)
    while batch := "".join(islice(pieces, _BATCH)):
        yield batch
    yield "\n"
