"""Sockets."""

from kubectl_skoop.model.packet import Address, Protocol
from kubectl_skoop.netstack.l4.socket_types import Socket, SocketState
from kubectl_skoop.snapshot.decode.entry import Entry, entries

TCP_ESTABLISHED, TCP_SYN_RECV, TCP_CLOSE, TCP_LISTEN = 1, 3, 7, 10
SOCKOPT_TRANSPARENT = 0x20
"""Of the first byte of struct inet_diag_sockopt (a little-endian bit field)."""


def decode_sockets(data: object) -> tuple[Socket, ...]:
    """Raises: FormatError."""
    return tuple(_socket(entry) for entry in entries(data, "$.sockets"))


def _socket(entry: Entry) -> Socket:
    protocol = entry.number("protocol")
    state = _state(protocol, entry.number("state"))
    listens = state == "listen"
    options = entry.octets("sockopt")
    remote_port = entry.number("dport")
    return Socket(
        protocol=protocol,
        state=state,
        local=_unmapped(entry.address("src")),
        port=entry.number("sport"),
        remote=_unmapped(entry.address("dst")) if remote_port else None,
        remote_port=remote_port,
        device=entry.number("if"),
        v6only=entry.flag("skv6only"),
        queue=entry.number("rqueue") if listens else 0,
        backlog=entry.number("wqueue") if listens else 0,
        uid=entry.number("uid"),
        mark=entry.number("mark", 0),
        transparent=bool(options and options[0] & SOCKOPT_TRANSPARENT),
        inode=entry.number("inode"),
    )


def _state(protocol: int, number: int) -> SocketState:
    if number == TCP_ESTABLISHED:
        return "established"
    if number == TCP_SYN_RECV:
        return "half-open"
    if number == TCP_LISTEN:
        return "listen"
    if number == TCP_CLOSE and protocol == Protocol.UDP:
        return "unconnected"
    return "other"


def _unmapped(address: Address) -> Address:
    """An IPv6 socket that talks IPv4 has ::ffff:a.b.c.d."""
    mapped = address.ipv4_mapped if address.version == 6 else None
    return mapped or address
