"""Protocol and ports of a packet against those of a rule, as EC2 writes both."""

from kubectl_skoop.api import Packet, Protocol

ALL = "-1"
_NUMBERS = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}
_NAMES = {number: name for name, number in _NUMBERS.items()}
_ICMP = (Protocol.ICMP, Protocol.ICMPV6)
_WITH_PORTS = (Protocol.TCP, Protocol.UDP)


def protocol_fits(written: str, packet: Packet) -> bool:
    """Raises: ValueError (a protocol that is none)."""
    return written == ALL or _number(written) == packet.protocol


def ports_fit(low: int, high: int, packet: Packet) -> bool:
    """Of the destination; for ICMP the type and the code, -1 for all. Protocols without ports have none."""
    if packet.protocol in _ICMP:
        return low in (-1, packet.icmp_type) and high in (-1, packet.icmp_code)
    return packet.protocol not in _WITH_PORTS or low <= packet.dport <= high


def protocol_name(number: int) -> str:
    return _NAMES.get(number, str(number))


def what(packet: Packet) -> str:
    """`tcp 80`, `icmp type 8`."""
    name = protocol_name(packet.protocol)
    if packet.protocol in _ICMP:
        return f"{name} type {packet.icmp_type} code {packet.icmp_code}"
    return f"{name} {packet.dport}" if packet.protocol in _WITH_PORTS else f"protocol {name}"


def range_text(protocol: str, low: int | None, high: int | None) -> str:
    """`tcp 80`, `udp 1000-2000`, `icmp type 8`, `all`."""
    if protocol == ALL:
        return "all"
    number = _number(protocol)
    name = protocol_name(number)
    if number in _ICMP:
        kind = "" if low in (None, -1) else f" type {low}"
        return name + kind + ("" if high in (None, -1) or not kind else f" code {high}")
    if low is None or high is None or number not in _WITH_PORTS:
        return name
    return f"{name} {low}" if low == high else f"{name} {low}-{high}"


def _number(written: str) -> int:
    return _NUMBERS.get(written.lower()) or int(written)
