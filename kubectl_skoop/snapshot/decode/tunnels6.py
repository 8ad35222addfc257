"""Settings of tunnels in IPv6 packets."""

from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.netstack.devices.ip6_tunnel_types import Ip6Tunnel
from kubectl_skoop.snapshot.decode.entry import Entry
from kubectl_skoop.snapshot.decode.tunnels import (
    GRE_CHECKSUM,
    GRE_SEQUENCE,
    flagged,
    given,
    key_of,
    unmodelled_of,
)

TUNNELS6 = {"ip6tnl": 0, "ip6gre": Protocol.GRE, "ip6gretap": Protocol.GRE}
"""Kinds of devices, and the protocol of their outer packets if they do not say one."""
_IGNORE_ENCAP_LIMIT, _USE_ORIGINAL_CLASS, _USE_ORIGINAL_MARK, _ALLOW_LOCAL_REMOTE = 0x1, 0x2, 0x20, 0x40
"""IP6_TNL_F_*"""
_TCLASS = 0x0FF00000
_FLAGS_WERE_BYTES = {"ip6tnl": "8", "ip6gre": "13", "ip6gretap": "13"}
"""The attribute of the flags, as older agents left it."""


def decode_tunnel6(kind: str, data: Entry) -> Ip6Tunnel:
    """Raises: FormatError."""
    flags = data.number("flags", 0)
    unmodelled = unmodelled_of(data)
    if _FLAGS_WERE_BYTES[kind] in data.fields:
        unmodelled = unmodelled or "its flags were not collected"
    return Ip6Tunnel(
        protocol=data.number("proto", int(TUNNELS6[kind])),
        local=given(data, "local"),
        remote=given(data, "remote"),
        link=data.number("link", 0),
        hop_limit=data.number("ttl", 0),
        traffic_class=(data.number("flowinfo", 0) & _TCLASS) >> 20,
        inherit_class=bool(flags & _USE_ORIGINAL_CLASS),
        encap_limit=not flags & _IGNORE_ENCAP_LIMIT,
        mark=data.number("fwmark", 0),
        inherit_mark=bool(flags & _USE_ORIGINAL_MARK),
        local_remote=bool(flags & _ALLOW_LOCAL_REMOTE),
        input_key=key_of(data, "i"),
        output_key=key_of(data, "o"),
        checksum=flagged(data, GRE_CHECKSUM),
        sequence=flagged(data, GRE_SEQUENCE),
        unmodelled=unmodelled,
    )
