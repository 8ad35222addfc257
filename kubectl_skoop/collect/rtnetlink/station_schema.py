"""Attributes of neighbours, forwarding entries, multicast groups, queueing disciplines and filters
(include/uapi/linux/{neighbour,if_bridge,rtnetlink}.h)."""

import struct
from contextlib import suppress
from socket import AF_INET, AF_INET6, inet_ntop

from kubectl_skoop.collect.netlink.message import MalformedMessage, split_attributes
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
    u64,
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
NEIGHBOUR_TABLE = schema(
    (1, "name", text),
    (2, "thresh1", u32),
    (3, "thresh2", u32),
    (4, "thresh3", u32),
    (
        5,
        "config",
        numbers("=HHIII12xI", "key_len", "entry_size", "entries", "last_flush", "last_rand", "proxy_qlen"),
    ),
    (
        7,
        "stats",
        numbers(
            "=11Q",
            *("allocs", "destroys", "hash_grows", "res_failed", "lookups", "hits"),
            *("rcv_probes_mcast", "rcv_probes_ucast", "periodic_gc_runs", "forced_gc_runs", "table_fulls"),
        ),
    ),
    (8, "gc_interval", u64),
)
"""NDTA_*, without the seed of the hash."""
_QUEUE_STATISTICS = schema(
    (1, "basic", numbers("=QI", "bytes", "packets")),
    (3, "queue", numbers("=5I", "qlen", "backlog", "drops", "requeues", "overlimits")),
    (8, "packets64", u64),
)
QUEUEING = schema(
    (1, "kind", text),
    (2, "options", raw),
    (3, "stats", raw),
    (4, "xstats", raw),
    (7, "stats2", nested(_QUEUE_STATISTICS)),
    (11, "chain", u32),
    (12, "hw_offload", u8),
    (13, "ingress_block", u32),
    (14, "egress_block", u32),
)


def read_limit(fields: Fields) -> None:
    """The `limit` of a queueing discipline out of its options, in packets, or in bytes (bfifo, tbf)."""
    options, kind = fields.get("options"), fields.get("kind")
    if not isinstance(options, bytes) or not isinstance(kind, str):
        return
    with suppress(struct.error, MalformedMessage):
        if kind in ("pfifo", "bfifo"):
            fields["limit"] = struct.unpack_from("=I", options)[0]
        elif kind in _LIMITS:
            number, offset = _LIMITS[kind]
            found = next((value for key, value in split_attributes(options) if key == number), None)
            if found is not None:
                fields["limit"] = struct.unpack_from("=I", found, offset)[0]


_LIMITS = {"tbf": (1, 24), "fq_codel": (2, 0), "fq": (1, 0), "codel": (2, 0)}
"""Where nested options have it: the attribute, and the offset in it (include/uapi/linux/pkt_sched.h)."""
