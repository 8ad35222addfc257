"""Attributes of addresses, routes, policy rules and nexthop objects
(include/uapi/linux/{if_addr,rtnetlink,fib_rules,nexthop,if_addrlabel}.h)."""

import struct
from socket import AF_INET6, inet_ntop

from kubectl_skoop.collect.netlink.message import MalformedMessage
from kubectl_skoop.collect.netlink.schema import (
    Fields,
    Reader,
    address,
    be16,
    be32,
    be64,
    flag,
    nested,
    numbers,
    raw,
    read_attributes,
    schema,
    text,
    u8,
    u16,
    u32,
    u64,
)

_NEXTHOP_HEAD = struct.Struct("=HBBi")


def via(payload: bytes) -> object:
    """struct rtvia: an address of another family than the route's."""
    (family,) = struct.unpack_from("=H", payload)
    return {"family": family, "address": inet_ntop(family, payload[2 : 18 if family == AF_INET6 else 6])}


def nexthops(payload: bytes) -> object:
    """RTA_MULTIPATH: a list of struct rtnexthop, each with attributes of its own."""
    found: list[Fields] = []
    offset = 0
    while offset + _NEXTHOP_HEAD.size <= len(payload):
        length, flags, hops, index = _NEXTHOP_HEAD.unpack_from(payload, offset)
        if not _NEXTHOP_HEAD.size <= length <= len(payload) - offset:
            raise MalformedMessage(f"nexthop of {length} bytes")
        own = payload[offset + _NEXTHOP_HEAD.size : offset + length]
        found.append({"flags": flags, "hops": hops, "oif": index, **read_attributes(own, NEXTHOP_OF_ROUTE)})
        offset += (length + 3) & ~3
    return found


def read_tunnels(fields: Fields) -> None:
    """What a route's encapsulation in IP packets says; others stay bytes."""
    multipath = fields.get("multipath")
    for path in [fields, *(multipath if isinstance(multipath, list) else [])]:
        encap = path.get("encap")
        if path.get("encap_type") in LWTUNNEL_ENCAP_IP and isinstance(encap, bytes):
            path["encap"] = read_attributes(encap, LWTUNNEL_IP)


def group(payload: bytes) -> object:
    """NHA_GROUP: a list of struct nexthop_grp; the weight counts from 0."""
    return [
        {"id": number, "weight": low + (high << 8) + 1, "reserved": reserved}
        for number, low, high, reserved in struct.iter_unpack("=IBBH", payload)
    ]


LWTUNNEL_ENCAP_IP = (2, 4)
"""In IPv4, in IPv6 (include/uapi/linux/lwtunnel.h)."""
LWTUNNEL_IP = schema(
    (1, "id", be64),
    (2, "dst", address),
    (3, "src", address),
    (4, "ttl", u8),
    (5, "tos", u8),
    (6, "flags", be16),
)
ADDRESS = schema(
    (1, "address", address),
    (2, "local", address),
    (3, "label", text),
    (4, "broadcast", address),
    (5, "anycast", address),
    (6, "cacheinfo", numbers("=IIII", "preferred", "valid", "created", "updated")),
    (7, "multicast", address),
    (8, "flags", u32),
    (9, "rt_priority", u32),
    (10, "target_netnsid", u32),
    (11, "proto", u8),
)
METRICS = schema(
    (1, "lock", u32),
    (2, "mtu", u32),
    (3, "window", u32),
    (4, "rtt", u32),
    (5, "rttvar", u32),
    (6, "ssthresh", u32),
    (7, "cwnd", u32),
    (8, "advmss", u32),
    (9, "reordering", u32),
    (10, "hoplimit", u32),
    (11, "initcwnd", u32),
    (12, "features", u32),
    (13, "rto_min", u32),
    (14, "initrwnd", u32),
    (15, "quickack", u32),
    (16, "cc_algo", text),
    (17, "fastopen_no_cookie", u32),
)
NEXTHOP_OF_ROUTE = schema(
    (5, "gateway", address), (11, "flow", u32), (18, "via", via), (21, "encap_type", u16), (22, "encap", raw)
)
ROUTE = schema(
    (1, "dst", address),
    (2, "src", address),
    (3, "iif", u32),
    (4, "oif", u32),
    (5, "gateway", address),
    (6, "priority", u32),
    (7, "prefsrc", address),
    (8, "metrics", nested(METRICS)),
    (9, "multipath", nexthops),
    (11, "flow", u32),
    (
        12,
        "cacheinfo",
        numbers("=IIiIIIII", "clntref", "lastuse", "expires", "error", "used", "id", "ts", "tsage"),
    ),
    (15, "table", u32),
    (16, "mark", u32),
    (18, "via", via),
    (19, "newdst", raw),
    (20, "pref", u8),
    (21, "encap_type", u16),
    (22, "encap", raw),
    (23, "expires", u32),
    (25, "uid", u32),
    (26, "ttl_propagate", u8),
    (27, "ip_proto", u8),
    (30, "nh_id", u32),
)
_RANGE32: Reader = numbers("=II", "start", "end")
_RANGE16: Reader = numbers("=HH", "start", "end")
RULE = schema(
    (1, "dst", address),
    (2, "src", address),
    (3, "iifname", text),
    (4, "goto", u32),
    (6, "priority", u32),
    (10, "fwmark", u32),
    (11, "flow", u32),
    (12, "tun_id", be64),
    (13, "suppress_ifgroup", u32),
    (14, "suppress_prefixlen", u32),
    (15, "table", u32),
    (16, "fwmask", u32),
    (17, "oifname", text),
    (19, "l3mdev", u8),
    (20, "uid_range", _RANGE32),
    (21, "protocol", u8),
    (22, "ip_proto", u8),
    (23, "sport_range", _RANGE16),
    (24, "dport_range", _RANGE16),
    (25, "dscp", u8),
    (26, "flowlabel", be32),
    (27, "flowlabel_mask", be32),
    (28, "sport_mask", u16),
    (29, "dport_mask", u16),
    (30, "dscp_mask", u8),
)
RESILIENT_GROUP = schema(
    (1, "buckets", u16), (2, "idle_timer", u32), (3, "unbalanced_timer", u32), (4, "unbalanced_time", u64)
)
BUCKET = schema((1, "index", u16), (2, "idle_time", u64), (3, "nh_id", u32))
NEXTHOP = schema(
    (1, "id", u32),
    (2, "group", group),
    (3, "group_type", u16),
    (4, "blackhole", flag),
    (5, "oif", u32),
    (6, "gateway", address),
    (7, "encap_type", u16),
    (8, "encap", raw),
    (11, "fdb", flag),
    (12, "resilient", nested(RESILIENT_GROUP)),
    (13, "bucket", nested(BUCKET)),
    (14, "op_flags", u32),
)
LABEL = schema((1, "address", address), (2, "label", u32))
