"""Protocols by name and number, and what a packet is in a sentence."""

from collections.abc import Mapping

from kubectl_skoop.api import Packet, Protocol

NUMBERS: Mapping[str, int] = {"tcp": 6, "udp": 17, "icmp": 1, "icmpv6": 58}
ICMP = (Protocol.ICMP, Protocol.ICMPV6)
WITH_PORTS = (Protocol.TCP, Protocol.UDP)
_NAMES = {number: name for name, number in NUMBERS.items()}


def number_in(written: str, what: str) -> int:
    """Raises: ValueError (`what` of the cloud's answer is no number)."""
    try:
        return int(written)
    except ValueError:
        raise ValueError(f"{what} is {written or 'empty'}") from None


def protocol_name(number: int) -> str:
    return _NAMES.get(number, str(number))


def what(packet: Packet) -> str:
    """`tcp 80`, `icmp type 8`."""
    name = protocol_name(packet.protocol)
    if packet.protocol in ICMP:
        return f"{name} type {packet.icmp_type} code {packet.icmp_code}"
    return f"{name} {packet.dport}" if packet.protocol in WITH_PORTS else f"protocol {name}"
