"""What the packets of a walk relied on that larger ones, or later ones, may find otherwise."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Address

BOUNDLESS = 1 << 32
"""Bytes; no packet is so long."""


class Remembered(NamedTuple):
    """An entry of a table of neighbours that may expire."""

    netns: str
    """`NetworkNamespace.id`"""
    device: int
    address: Address


class Reliance:
    """Of one branch. Who lets the length of a packet decide something asks here, so that what larger packets
    would meet is known without walking them."""

    __slots__ = ("remembered", "room")

    def __init__(self) -> None:
        self.room = BOUNDLESS
        """Bytes that each packet since the last reset could have had more, and gone the same way."""
        self.remembered: dict[Remembered, Address] = {}
        """In the order of their use, with the source of the packet."""

    def fits(self, length: int, most: int) -> bool:
        """Whether a packet of this length is let by where `most` bytes are."""
        if most - length < self.room:
            self.room = most - length
        return length <= most

    def by_length(self) -> None:
        """More than a limit depends on the length: what becomes of another one has to be walked."""
        self.room = 0
