"""Ports of all protocols on one line of numbers: IP protocol number × 65536 + port.

A protocol without ports (ICMP …) is in a set with its whole row, or with port 0 where a question is asked.
"""

from collections.abc import Iterator

from kubectl_skoop.cluster.policy.interval import Intervals

PROTOCOLS = {"TCP": 6, "UDP": 17, "SCTP": 132}
"""Those whose ports a NetworkPolicy can name."""
NUMBERS = {**PROTOCOLS, "ICMP": 1, "ICMPV6": 58, "UDPLITE": 136}
_NAMES = {6: "TCP", 17: "UDP", 132: "SCTP", 1: "ICMP", 58: "ICMPv6", 136: "UDPLite"}
_ROW = 1 << 16
EVERY: Intervals = ((0, 256 * _ROW - 1),)


def port_at(protocol: int, number: int) -> int:
    return protocol * _ROW + number


def ports(protocol: int, low: int = 0, high: int = _ROW - 1) -> Intervals:
    return ((port_at(protocol, low), port_at(protocol, high)),)


def protocol_name(number: int) -> str:
    return _NAMES.get(number, f"protocol {number}")


def ports_text(written: Intervals) -> str:
    """`all`, `TCP 80,443 UDP 53`, `all but TCP 22`."""
    if written == EVERY:
        return "all"
    named = dict(_rows(written))
    others = [number for number in range(256) if number not in _NAMES]
    if all(named.get(number) == "" for number in others):
        kept = {number: text for number, text in named.items() if number in _NAMES}
        absent = [name for number, name in _NAMES.items() if number not in kept]
        shown = [f"{_NAMES[number]} {text}" for number, text in kept.items() if text]
        rest = f"all but {', '.join(absent)}" if absent else "all other"
        return " ".join(["; ".join(shown) + ";" if shown else "", rest]).strip()
    return " ".join(f"{protocol_name(number)} {text}".strip() for number, text in named.items()) or "none"


def _rows(written: Intervals) -> Iterator[tuple[int, str]]:
    """Protocol and its ports; empty: all of them. Rows in the order of their numbers."""
    rows: dict[int, list[str]] = {}
    for low, high in written:
        for protocol in range(low // _ROW, high // _ROW + 1):
            first = max(low, protocol * _ROW) % _ROW
            last = min(high, protocol * _ROW + _ROW - 1) % _ROW
            if first == 0 and last > 0:
                first = 1  # Port 0 is nobody's.
            whole = first <= 1 and last == _ROW - 1
            rows.setdefault(protocol, []).append(
                "" if whole else str(first) if first == last else f"{first}-{last}"
            )
    for protocol, texts in rows.items():
        yield protocol, "" if "" in texts else ",".join(texts)
