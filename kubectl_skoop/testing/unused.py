"""Source ports and echo identifiers that come again only after all others.

A lab's kernels remember who was answered (two minutes for UDP): a question with the same numbers as an
earlier one would go on with that one's connection, past rules that judge new ones.
"""

import errno
import random
import socket
from collections.abc import Iterator
from itertools import cycle, islice

PORTS = range(32768, 49152)
"""Within the kernel's own range, below WireGuard's usual port."""


def _shuffled(numbers: range) -> Iterator[int]:
    return cycle(random.sample(numbers, len(numbers)))


_ports = _shuffled(PORTS)
unused_echo_ids = _shuffled(range(1, 0x10000))


def bind_unused(client: socket.socket, address: str = "") -> None:
    """Bind it to a port, of an address or of all, that nobody in its namespace has.

    Raises: OSError: all are taken, or it can't be bound.
    """
    for port in islice(_ports, len(PORTS)):
        try:
            client.bind((address, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return
    raise OSError(errno.EADDRINUSE, "all ports are taken")
