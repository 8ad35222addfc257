"""The types of nft expressions: how the constants of `nft -j` are read (datatype.c, ct.c, proto.c of nft).

Values are ints, but device names, which are strings. `Unmodelled` is raised for what cannot be read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, inet_pton
from typing import Literal

from kubectl_skoop.model.verdict import Unknown


class Unmodelled(Exception):
    """An expression or constant that has no meaning here; says which."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Inclusive; as a value only where a translation may choose within it."""

    low: int
    high: int


Scalar = int | str | Interval
Value = Scalar | tuple[Scalar | Unknown, ...]
"""A concatenation may have parts that cannot be told: the others may still decide."""


def unknown_part(value: Value) -> Unknown | None:
    parts = value if isinstance(value, tuple) else ()
    return next((part for part in parts if isinstance(part, Unknown)), None)


@dataclass(frozen=True, slots=True)
class Datatype:
    name: str
    bits: int
    kind: Literal["number", "address", "name", "flags", "bits", "index", "mac"] = "number"
    """`bits`: a constant is the number of a bit."""
    symbols: Mapping[str, int] = field(default_factory=dict)

    def constant(self, written: object) -> int | None:
        """What `parse` makes of a number, an address or a symbol; None: let that look."""
        if isinstance(written, str):
            if self.kind != "address":
                return self.symbols.get(written) if self.kind == "number" else None
            try:
                return address_number(written)
            except ValueError:
                return None
        return written if type(written) is int and self.kind in ("number", "address") else None

    def parse(self, constant: object) -> int | str:
        """One constant. Raises Unmodelled."""
        if self.kind in ("name", "index"):
            return _device(constant, self.kind)
        if isinstance(constant, bool | int):
            return _bit(int(constant), self) if self.kind == "bits" else int(constant)
        if isinstance(constant, list) and self.kind in ("flags", "bits"):
            return _flags(self, constant)
        if not isinstance(constant, str):
            raise Unmodelled(f"{constant!r} as {self.name}")
        if self.kind in ("address", "mac"):
            try:
                return address_number(constant) if self.kind == "address" else mac_number(constant)
            except ValueError as error:
                raise Unmodelled(f"{constant} as {self.name}") from error
        return _symbol(self, constant)


def address_number(text: str) -> int:
    """Raises: ValueError."""
    try:
        return int.from_bytes(inet_pton(AF_INET6 if ":" in text else AF_INET, text))
    except OSError:
        return int(ip_address(text))


def mac_number(text: str) -> int:
    return int(text.replace(":", ""), 16)


def _flags(datatype: Datatype, constants: list[object]) -> int:
    result = 0
    for constant in constants:
        if isinstance(constant, list):
            raise Unmodelled(f"{constant!r} as {datatype.name}")
        bit = datatype.parse(constant)
        result |= bit if isinstance(bit, int) else 0
    return result


def _bit(number: int, datatype: Datatype) -> int:
    if not 0 <= number < datatype.bits:
        raise Unmodelled(f"{number} as {datatype.name}")
    return 1 << number


def _device(constant: object, kind: str) -> str:
    """An index that belongs to no device is printed as a number; 0 is no device."""
    if isinstance(constant, str):
        return constant
    if isinstance(constant, int) and kind == "index":
        return f"if{constant}" if constant else ""
    raise Unmodelled(f"{constant!r} as a device")


def _symbol(datatype: Datatype, text: str) -> int:
    if text in datatype.symbols:
        return datatype.symbols[text]
    if datatype.kind == "bits":
        raise Unmodelled(f"the name {text} as {datatype.name}")
    try:
        return int(text, 0)
    except ValueError as error:
        raise Unmodelled(f"{text} as {datatype.name}") from error


_PROTOCOLS = {
    "ip": 0, "icmp": 1, "igmp": 2, "ipencap": 4, "ipip": 4, "tcp": 6, "udp": 17, "dccp": 33, "ipv6": 41,
    "gre": 47, "esp": 50, "ah": 51, "icmpv6": 58, "ipv6-icmp": 58, "comp": 108, "ipcomp": 108, "sctp": 132,
    "udplite": 136,
}  # fmt: skip
_ICMP_TYPES = {
    "echo-reply": 0, "destination-unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
    "router-advertisement": 9, "router-solicitation": 10, "time-exceeded": 11, "parameter-problem": 12,
    "timestamp-request": 13, "timestamp-reply": 14, "info-request": 15, "info-reply": 16,
    "address-mask-request": 17, "address-mask-reply": 18,
}  # fmt: skip
_ICMPV6_TYPES = {
    "destination-unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4,
    "echo-request": 128, "echo-reply": 129, "mld-listener-query": 130, "mld-listener-report": 131,
    "mld-listener-done": 132, "mld-listener-reduction": 132, "nd-router-solicit": 133,
    "nd-router-advert": 134, "nd-neighbor-solicit": 135, "nd-neighbor-advert": 136, "nd-redirect": 137,
    "router-renumbering": 138,
    "ind-neighbor-solicit": 141, "ind-neighbor-advert": 142, "mld2-listener-report": 143,
}  # fmt: skip
_ICMP_CODES = {
    "net-unreachable": 0, "host-unreachable": 1, "prot-unreachable": 2, "port-unreachable": 3,
    "frag-needed": 4, "net-prohibited": 9, "host-prohibited": 10, "admin-prohibited": 13,
}  # fmt: skip
_ICMPV6_CODES = {
    "no-route": 0, "admin-prohibited": 1, "addr-unreachable": 3, "port-unreachable": 4, "policy-fail": 5,
    "reject-route": 6,
}  # fmt: skip
_DSCP = {
    **{f"cs{each}": each * 8 for each in range(8)}, "be": 0, "df": 0, "lephb": 1, "ef": 46, "va": 44,
    **{f"af{high}{low}": high * 8 + low * 2 for high in range(1, 5) for low in range(1, 4)},
}  # fmt: skip
ROUTE_TYPES = {
    "unspec": 0, "unicast": 1, "local": 2, "broadcast": 3, "anycast": 4, "multicast": 5, "blackhole": 6,
    "unreachable": 7, "prohibit": 8,
}  # fmt: skip
_CT_STATES = {"invalid": 1, "established": 2, "related": 4, "new": 8, "untracked": 64}
_CT_STATUS = {
    "expected": 0x1, "seen-reply": 0x2, "assured": 0x4, "confirmed": 0x8, "snat": 0x10, "dnat": 0x20,
    "dying": 0x200,
}  # fmt: skip
_TCP_FLAGS = {
    "fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ecn": 64, "cwr": 128,
}  # fmt: skip
_PACKET_TYPES = {"host": 0, "unicast": 0, "broadcast": 1, "multicast": 2, "other": 3}
_ETHER_TYPES = {
    "ip": 0x0800, "arp": 0x0806, "vlan": 0x8100, "ip6": 0x86DD, "8021q": 0x8100, "8021ad": 0x88A8,
}  # fmt: skip
_ARP_OPERATIONS = {
    "request": 1,
    "reply": 2,
    "rrequest": 3,
    "rreply": 4,
    "inrequest": 8,
    "inreply": 9,
    "nak": 10,
}

INTEGER = Datatype("integer", 32)
COUNTER = Datatype("integer", 64)
IPV4 = Datatype("ipv4_addr", 32, "address")
IPV6 = Datatype("ipv6_addr", 128, "address")
PROTOCOL = Datatype("inet_proto", 8, symbols=_PROTOCOLS)
SERVICE = Datatype("inet_service", 16)
MARK = Datatype("mark", 32)
NAME = Datatype("ifname", 128, "name")
INDEX = Datatype("iface_index", 32, "index")
MAC = Datatype("ether_addr", 48, "mac")
UID = Datatype("uid", 32, symbols={"root": 0})
GID = Datatype("gid", 32, symbols={"root": 0})
BOOLEAN = Datatype("boolean", 1, symbols={"exists": 1, "missing": 0})
NFPROTO = Datatype("nf_proto", 8, symbols={"ipv4": 2, "ipv6": 10})
ETHER_TYPE = Datatype("ether_type", 16, symbols=_ETHER_TYPES)
PACKET_TYPE = Datatype("pkt_type", 8, symbols=_PACKET_TYPES)
DSCP = Datatype("dscp", 6, symbols=_DSCP)
TCP_FLAGS = Datatype("tcp_flag", 8, "flags", symbols=_TCP_FLAGS)
ICMP_TYPE = Datatype("icmp_type", 8, symbols=_ICMP_TYPES)
ICMP_CODE = Datatype("icmp_code", 8, symbols=_ICMP_CODES)
ICMPV6_TYPE = Datatype("icmpv6_type", 8, symbols=_ICMPV6_TYPES)
ICMPV6_CODE = Datatype("icmpv6_code", 8, symbols=_ICMPV6_CODES)
CT_STATE = Datatype("ct_state", 32, "flags", symbols=_CT_STATES)
CT_STATUS = Datatype("ct_status", 32, "flags", symbols=_CT_STATUS)
CT_DIRECTION = Datatype("ct_dir", 8, symbols={"original": 0, "reply": 1})
ARP_OPERATION = Datatype("arp_op", 16, symbols=_ARP_OPERATIONS)
CT_LABEL = Datatype("ct_label", 128, "bits")
REALM = Datatype("realm", 32, symbols={"cosmos": 0})
FIB_TYPE = Datatype("fib_addrtype", 32, symbols=ROUTE_TYPES)

DATATYPES = {
    each.name: each
    for each in (
        INTEGER, IPV4, IPV6, MAC, PROTOCOL, SERVICE, MARK, NAME, INDEX, UID, GID, BOOLEAN, NFPROTO,
        ETHER_TYPE, PACKET_TYPE, DSCP, TCP_FLAGS, ICMP_TYPE, ICMP_CODE, ICMPV6_TYPE, ICMPV6_CODE, CT_STATE,
        CT_STATUS, CT_DIRECTION, FIB_TYPE, ARP_OPERATION, REALM,
        CT_LABEL,
    )
}  # fmt: skip


def datatypes(names: object) -> tuple[Datatype, ...]:
    """Of a declaration: `ipv4_addr`, `ipv4_addr . inet_service`, or a list of names. Raises Unmodelled."""
    listed = names.split(" . ") if isinstance(names, str) else names
    if not isinstance(listed, list):
        raise Unmodelled(f"the type {names}")
    result = []
    for name in listed:
        if not isinstance(name, str) or name not in DATATYPES:
            raise Unmodelled(f"the type {name}")
        result.append(DATATYPES[name])
    return tuple(result)
