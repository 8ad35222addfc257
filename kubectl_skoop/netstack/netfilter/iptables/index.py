"""Which rules of a long chain can match a packet: by destination address, by destination port.

Service chains are long in rules that name one address (KUBE-SERVICES) or one port (KUBE-NODEPORTS).
"""

import re
from collections.abc import Sequence
from socket import AF_INET, AF_INET6, inet_pton

_PORT = re.compile(r"(?:[^\"]|\"(?:[^\"\\]|\\.)*\")*? (! )?--dport (\d{1,5})(?= |$)")


class LineIndex:
    """Positions (from 0) of the lines by what they ask for first."""

    def __init__(self, lines: Sequence[str], family: int) -> None:
        self._by_address: dict[bytes, list[int]] = {}
        self._by_port: dict[int, list[int]] = {}
        self._others: list[int] = []
        for position, line in enumerate(lines):
            match asked_for(line, family):
                case bytes(address):
                    self._by_address.setdefault(address, []).append(position)
                case int(port):
                    self._by_port.setdefault(port, []).append(position)
                case None:
                    self._others.append(position)

    def candidates(self, address: bytes, port: int) -> list[int]:
        """For a destination, in the order of the chain. `address`: packed."""
        named = self._by_address.get(address, [])
        ports = self._by_port.get(port, [])
        return sorted(self._others + named + ports) if named or ports else self._others


def asked_for(line: str, family: int) -> bytes | int | None:
    """The one destination address (packed), or else the one port, that a rule asks for; None: neither."""
    address = _destination(line, family)
    if address is not None:
        return address
    port = _PORT.match(line) if "--dport " in line else None
    return int(port[2]) if port and not port[1] else None


def _destination(line: str, family: int) -> bytes | None:
    """The one address that a rule asks for; None: another form. `-d` stands before any `-m`."""
    head, found, rest = line.partition(" -d ")
    if not found or " -m " in head or head.endswith("!"):
        return None
    text, _, mask = rest.partition(" ")[0].partition("/")
    if mask != ("32" if family == 4 else "128"):
        return None
    try:
        return inet_pton(AF_INET if family == 4 else AF_INET6, text)
    except OSError:
        return None
