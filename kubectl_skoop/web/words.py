"""The words of an address: what stands behind its question mark."""

from collections.abc import Mapping

Words = Mapping[str, str]


def number_of(words: Words, name: str) -> int:
    """0: there is none."""
    written = words.get(name, "")
    return int(written) if written.isascii() and written.isdecimal() and len(written) < 9 else 0
