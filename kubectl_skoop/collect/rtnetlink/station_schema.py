"""Attributes of neighbours, forwarding entries, multicast groups, queueing disciplines and filters
(include/uapi/linux/{neighbour,if_bridge,rtnetlink}.h)."""

import struct
from socket import AF_INET, AF_INET6, inet_ntop

from kubectl_skoop.collect.netlink.message import split_attributes
from kubectl_skoop.collect.netlink.schema import (
    Attribute,
    Fields,
    address,
    be16,
    mac,
    nested,
    numbers,
    raw,
    schema,
    text,
    u8,
    u16,
    u32,
)

MDBA_MDB_ENTRY, MDBA_MDB_ENTRY_INFO = 1, 1
_ENTRY = struct.Struct("=IBBH16s")
_ETH_P_IP, _ETH_P_IPV6 = 0x0800, 0x86DD


def groups(payload: bytes) -> object:
    """MDBA_MDB: the ports of each multicast group; attributes of an entry stay bytes in `more`."""
    found: list[Fields] = []
    for number, entry in split_attributes(payload):
        if number != MDBA_MDB_ENTRY:
            found.append({str(number): entry})
            continue
        for kind, info in split_attributes(entry):
            if kind != MDBA_MDB_ENTRY_INFO:
                found.append({str(kind): info})
                continue
            port, state, flags, vlan, group = _ENTRY.unpack_from(info)
            (protocol,) = struct.unpack_from(">H", info, _ENTRY.size)
            found.append(
                {
                    "port": port,
                    "state": state,
                    "flags": flags,
                    "vlan": vlan,
                    "group": _group(protocol, group),
                    "more": info[_ENTRY.size + 4 :],
                }
            )
    return found


def _group(protocol: int, group: bytes) -> str:
    if protocol == _ETH_P_IP:
        return inet_ntop(AF_INET, group[:4])
    if protocol == _ETH_P_IPV6:
        return inet_ntop(AF_INET6, group)
    return group[:6].hex(":")


NEIGHBOUR = schema(
    (1, "dst", address),
    (2, "lladdr", mac),
    (3, "cacheinfo", numbers("=IIII", "confirmed", "used", "updated", "refcnt")),
    (4, "probes", u32),
    (5, "vlan", u16),
    (6, "port", be16),
    (7, "vni", u32),
    (8, "out_ifindex", u32),
    (9, "master", u32),
    (10, "link_netnsid", u32),
    (11, "src_vni", u32),
    (12, "protocol", u8),
    (13, "nh_id", u32),
    (14, "fdb_ext_attrs", raw),
    (15, "flags_ext", u32),
)
_VNIS = schema(
    (1, "start", u32), (2, "end", u32), (3, "group", address), (4, "group6", address), (5, "stats", raw)
)
TUNNEL = {1: Attribute("vnis", nested(_VNIS), many=True)}
"""VXLAN_VNIFILTER_ENTRY: ranges of VNIs of a vxlan device with a filter."""
MDB = schema((1, "mdb", groups), (2, "router", raw))
QUEUEING = schema(
    (1, "kind", text),
    (2, "options", raw),
    (3, "stats", raw),
    (4, "xstats", raw),
    (7, "stats2", raw),
    (11, "chain", u32),
    (12, "hw_offload", u8),
    (13, "ingress_block", u32),
    (14, "egress_block", u32),
)
