"""Protocol and ports of a packet against those of a rule, as EC2 writes both."""

from kubectl_skoop.api import Packet
from kubectl_skoop.providers.protocol import ICMP, NUMBERS, WITH_PORTS, number_in, protocol_name

ALL = "-1"


def protocol_fits(written: str, packet: Packet) -> bool:
    """Raises: ValueError (a protocol that is none)."""
    return written == ALL or _number(written) == packet.protocol


def ports_fit(low: int, high: int, packet: Packet) -> bool:
    """Of the destination; for ICMP the type and the code, -1 for all. Protocols without ports have none."""
    if packet.protocol in ICMP:
        return low in (-1, packet.icmp_type) and high in (-1, packet.icmp_code)
    return packet.protocol not in WITH_PORTS or low <= packet.dport <= high


def range_text(protocol: str, low: int | None, high: int | None) -> str:
    """`tcp 80`, `udp 1000-2000`, `icmp type 8`, `all`."""
    if protocol == ALL:
        return "all"
    number = _number(protocol)
    name = protocol_name(number)
    if number in ICMP:
        kind = "" if low in (None, -1) else f" type {low}"
        return name + kind + ("" if high in (None, -1) or not kind else f" code {high}")
    if low is None or high is None or number not in WITH_PORTS:
        return name
    return f"{name} {low}" if low == high else f"{name} {low}-{high}"


def _number(written: str) -> int:
    return NUMBERS.get(written.lower()) or number_in(written, "the protocol of a rule")
