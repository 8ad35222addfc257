"""Waiting until nothing comes any more, on a machine that may keep this process from looking."""

import select
import socket
from collections.abc import Iterator, Sequence

LOOKS = 10
"""In which quiet seconds are counted: however long this process is kept from running, nothing is over before
it has looked so often in vain."""


def readable(sockets: Sequence[socket.socket], quiet: float) -> Iterator[list[socket.socket]]:
    """Those that have something to read, until none has for so many seconds."""
    in_vain = 0
    while in_vain < LOOKS:
        ready, _, _ = select.select(sockets, [], [], quiet / LOOKS)
        in_vain = 0 if ready else in_vain + 1
        if ready:
            yield ready
