"""Data that is not there, with the reason: never an empty list in its place."""

from dataclasses import dataclass
from typing import Literal

MissingState = Literal["absent", "forbidden", "failed", "timeout", "not collected", "lost"]


@dataclass(frozen=True, slots=True)
class NotCollected:
    """Data that is not there, and why."""

    what: str
    """`node/n2`, `pod/default/a`, `n1/host/ipset`, `objects/Service` …"""
    state: MissingState
    """`lost`: it was collected, but the file is damaged there."""
    reason: str = ""

    @property
    def is_unasked_kind(self) -> bool:
        """Objects of a kind that nobody gathered, as most clusters lack most kinds: no gap by itself."""
        return self.state == "not collected" and self.what.startswith("objects/")

    def __str__(self) -> str:
        return f"{self.what}: {self.state}" + (f" ({self.reason})" if self.reason else "")
