"""Which rules of a long chain can match a packet: by destination address, by destination port.

Service chains are long in rules that name one address (KUBE-SERVICES) or one port (KUBE-NODEPORTS).
"""

import re
from collections.abc import Sequence
from socket import AF_INET, AF_INET6, inet_pton

from kubectl_skoop.model.packet import Packet

_DESTINATION = re.compile(r"(?:\[\d+:\d+\] )?-A \S+ (?:(?:! )?-s \S+ )?-d ([0-9a-fA-F.:]+)(?:/(\d+))?(?= |$)")
_PORT = re.compile(r"(?:[^\"]|\"(?:[^\"\\]|\\.)*\")*? (! )?--dport (\d+)(?= |$)")


class LineIndex:
    """Positions (from 0) of the lines by what they ask for first."""

    def __init__(self, lines: Sequence[str], family: int) -> None:
        self._by_address: dict[bytes, list[int]] = {}
        self._by_port: dict[int, list[int]] = {}
        self._others: list[int] = []
        domain, full = (AF_INET, "32") if family == 4 else (AF_INET6, "128")
        for position, line in enumerate(lines):
            named = _DESTINATION.match(line)
            if named and named[2] in {None, full}:
                self._add_address(domain, named[1], position)
                continue
            port = _PORT.match(line) if "--dport " in line else None
            if port and not port[1]:
                self._by_port.setdefault(int(port[2]), []).append(position)
            else:
                self._others.append(position)

    def _add_address(self, domain: int, text: str, position: int) -> None:
        try:
            self._by_address.setdefault(inet_pton(domain, text), []).append(position)
        except OSError:
            self._others.append(position)

    def candidates(self, packet: Packet) -> list[int]:
        """In the order of the chain."""
        named = self._by_address.get(packet.dst.packed, [])
        ports = self._by_port.get(packet.dport, [])
        return sorted(self._others + named + ports) if named or ports else self._others
