"""Settings of tunnels: in IPv4 packets, and geneve."""

from kubectl_skoop.model.packet import Address, Protocol
from kubectl_skoop.netstack.devices.fou_types import UdpEncap
from kubectl_skoop.netstack.devices.tunnel_types import Geneve, IpTunnel
from kubectl_skoop.snapshot.decode.entry import Entry

TUNNELS = {"ipip": Protocol.IPIP, "sit": Protocol.IPV6, "gre": Protocol.GRE, "gretap": Protocol.GRE}
"""Kinds of devices, and the protocol of their outer packets."""
GRE_CHECKSUM, _GRE_KEY, GRE_SEQUENCE = 0x8000, 0x2000, 0x1000


FOU, GUE, REMOTE_CHECKSUM = 1, 2, 4
"""TUNNEL_ENCAP_*, TUNNEL_ENCAP_FLAG_REMCSUM"""


def decode_tunnel(kind: str, data: Entry) -> IpTunnel:
    """Raises: FormatError."""
    return IpTunnel(
        protocol=data.number("proto", int(TUNNELS[kind])),
        local=given(data, "local"),
        remote=given(data, "remote"),
        link=data.number("link", 0),
        ttl=data.number("ttl", 0),
        tos=data.number("tos", 0),
        pmtudisc=data.flag("pmtudisc"),
        ignore_df=data.flag("ignore_df"),
        mark=data.number("fwmark", 0),
        input_key=key_of(data, "i"),
        output_key=key_of(data, "o"),
        checksum=flagged(data, GRE_CHECKSUM),
        sequence=flagged(data, GRE_SEQUENCE),
        external=data.flag("collect_metadata"),
        encap=_encap(data),
        unmodelled=_unmodelled(data),
    )


def _encap(data: Entry) -> UdpEncap | None:
    kind = data.number("encap_type", 0)
    if kind not in (FOU, GUE):
        return None
    return UdpEncap(kind == GUE, data.number("encap_sport", 0), data.number("encap_dport", 0))


def _unmodelled(data: Entry) -> str:
    if data.number("encap_type", 0) not in (0, FOU, GUE):
        return "what it puts its packets into"
    in_udp = _encap(data) is not None
    if in_udp and (data.flag("collect_metadata") or data.number("encap_flags", 0) & REMOTE_CHECKSUM):
        return f"{_in_udp(data)} in external mode, or with remote checksums"
    return ""


def decode_geneve(data: Entry) -> Geneve:
    """Raises: FormatError."""
    unmodelled = ""
    if data.flag("inner_proto_inherit") or data.flag("ttl_inherit"):
        unmodelled = "it carries packets without Ethernet headers, or takes over their TTL"
    return Geneve(
        vni=data.number("id", 0),
        port=data.number("port", 6081),
        remote=given(data, "remote") or given(data, "remote6"),
        ttl=data.number("ttl", 0),
        tos=data.number("tos", 0),
        df=data.number("df", 0),
        external=data.flag("collect_metadata"),
        unmodelled=unmodelled,
    )


def given(data: Entry, name: str) -> Address | None:
    """0.0.0.0 and :: stand for any address."""
    address = data.optional_address(name)
    return address if address is not None and int(address) else None


def key_of(data: Entry, way: str) -> int | None:
    """Of a GRE tunnel; `way` is i or o."""
    return data.number(f"{way}key", 0) if data.number(f"{way}flags", 0) & _GRE_KEY else None


def flagged(data: Entry, flag: int) -> tuple[bool, bool]:
    """Of a GRE tunnel: on the way in, on the way out."""
    return bool(data.number("iflags", 0) & flag), bool(data.number("oflags", 0) & flag)


def unmodelled_of(data: Entry) -> str:
    """What of its settings is not modelled; empty: nothing."""
    if data.flag("collect_metadata"):
        return "what it does with a packet is decided outside of it (external mode)"
    return _in_udp(data)


def _in_udp(data: Entry) -> str:
    return "its packets are put into UDP packets (fou, gue)" if data.number("encap_type", 0) else ""
