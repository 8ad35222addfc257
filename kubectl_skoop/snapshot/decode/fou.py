"""Ports of fou and gue (the table `fou`)."""

from kubectl_skoop.netstack.devices.fou_types import FouPort
from kubectl_skoop.snapshot.decode.entry import Entry, entries
from kubectl_skoop.snapshot.decode.tunnels import given

AF_INET6 = 10
FOU_ENCAP_GUE = 2


def decode_fou(data: object) -> tuple[FouPort, ...]:
    """Raises: FormatError."""
    return tuple(_port(entry) for entry in entries(data, "$.fou"))


def _port(entry: Entry) -> FouPort:
    return FouPort(
        port=entry.number("port"),
        family=6 if entry.number("af", 0) == AF_INET6 else 4,
        gue=entry.number("type", 0) == FOU_ENCAP_GUE,
        protocol=entry.number("ip_proto", 0),
        local=given(entry, "local") or given(entry, "local6"),
        peer=given(entry, "remote") or given(entry, "remote6"),
        peer_port=entry.number("dport", 0),
        device=entry.number("ifindex", 0),
    )
