"""Sections that resemble each other, as those of pods: the first of a kind is a dictionary for the next."""

from typing import NamedTuple

from kubectl_skoop.snapshot.format import Dictionary
from kubectl_skoop.snapshot.limits import KIB, MAX_DICTIONARY

_NODES = 64
"""Whose sections are lost together with a dictionary."""
_LEAST = KIB // 2
"""Raw bytes."""


class _Since(NamedTuple):
    node: int
    dictionary: Dictionary


class Alike:
    """The newest section of each kind."""

    def __init__(self) -> None:
        self._newest: dict[str, _Since] = {}

    def dictionary(self, kind: str, node: int) -> Dictionary | None:
        """None: there is none yet, or it has served enough nodes."""
        found = self._newest.get(kind)
        return found.dictionary if found is not None and node < found.node + _NODES else None

    def offer(self, kind: str, node: int, dictionary: Dictionary) -> None:
        """A section of that kind that was written without a dictionary."""
        if _LEAST <= len(dictionary.raw) <= MAX_DICTIONARY:
            self._newest[kind] = _Since(node, dictionary)
