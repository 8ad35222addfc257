"""Tables that one dump of rtnetlink gives."""

import struct
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from socket import AF_INET, AF_INET6

from kubectl_skoop.collect.netlink.message import Message, pack_attribute, split_attributes
from kubectl_skoop.collect.netlink.schema import Attribute, Fields, Schema, read_attributes
from kubectl_skoop.collect.netlink.socket import NetlinkSocket
from kubectl_skoop.collect.rtnetlink.link_schema import BRIDGE_LINK, BRIDGE_VLAN, LINK
from kubectl_skoop.collect.rtnetlink.route_schema import ADDRESS, LABEL, NEXTHOP, ROUTE, RULE, read_tunnels
from kubectl_skoop.collect.rtnetlink.station_schema import (
    MDB,
    NEIGHBOUR,
    NEIGHBOUR_TABLE,
    QUEUEING,
    TUNNEL,
    read_limit,
)

AF_BRIDGE = 7
IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN = 29, 0x2
NTF_PROXY = 0x8
RTM_F_CLONED = 0x200
RTM_GETTFILTER, RTM_GETNEIGHTBL, RTM_GETVLAN = 46, 66, 114
NDTA_PARMS = 6
TC_INGRESS, TC_CLSACT_INGRESS, TC_CLSACT_EGRESS = 0xFFFF0000, 0xFFFFFFF2, 0xFFFFFFF3


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The fixed part of a message."""

    layout: struct.Struct
    names: tuple[str, ...]
    """Padding is left out by `x` in the layout."""

    def request(self, **values: int) -> bytes:
        return self.layout.pack(*(values.get(name, 0) for name in self.names))


LINK_HEADER = Header(layout=struct.Struct("=BxHiII"), names=("family", "type", "index", "flags", "change"))
ADDRESS_HEADER = Header(
    layout=struct.Struct("=BBBBI"), names=("family", "prefixlen", "ifa_flags", "scope", "index")
)
ROUTE_HEADER = Header(
    layout=struct.Struct("=BBBBBBBBI"),
    names=("family", "dst_len", "src_len", "tos", "table", "protocol", "scope", "type", "flags"),
)
RULE_HEADER = Header(
    layout=struct.Struct("=BBBBBxxBI"),
    names=("family", "dst_len", "src_len", "tos", "table", "action", "flags"),
)
NEIGHBOUR_HEADER = Header(
    layout=struct.Struct("=BxxxiHBB"), names=("family", "ifindex", "state", "flags", "type")
)
NEXTHOP_HEADER = Header(layout=struct.Struct("=BBBxI"), names=("family", "scope", "protocol", "flags"))
LABEL_HEADER = Header(
    layout=struct.Struct("=BxBBII"), names=("family", "prefixlen", "flags", "index", "sequence")
)
QUEUEING_HEADER = Header(
    layout=struct.Struct("=BxxxiIII"), names=("family", "ifindex", "handle", "parent", "info")
)
NEIGHBOUR_TABLE_HEADER = Header(layout=struct.Struct("=Bxxx"), names=("family",))
TUNNEL_HEADER = Header(layout=struct.Struct("=BBxxI"), names=("family", "flags", "ifindex"))
MDB_HEADER = Header(layout=struct.Struct("=BxxxI"), names=("family", "ifindex"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Dump:
    """What to ask for, and how to read the answers."""

    request: int
    header: Header
    schema: Schema
    payloads: tuple[bytes, ...]
    """One dump each (families, mostly)."""
    watched: bool = False
    """The kernel flags an interrupted dump. Else it is read twice (seen on 6.18: python.md)."""
    finish: Callable[[Fields], None] = lambda fields: None
    """What one attribute's form says of another one."""
    volatile: frozenset[int] = frozenset()
    """Attributes that change without the entry being another (ages, states, counters)."""

    def read(self, socket: NetlinkSocket) -> list[Fields]:
        """Raises: as `NetlinkSocket.dump`; MalformedMessage."""
        entries: list[Fields] = []
        for payload in self.payloads:
            messages = socket.dump(self.request, payload, identity=None if self.watched else self._identity)
            entries += self.entries(messages)
        return entries

    def entries(self, messages: Sequence[Message]) -> list[Fields]:
        """Header and attributes in one: the header's `table` has only the low byte of the attribute."""
        size, unpack, names = self.header.layout.size, self.header.layout.unpack_from, self.header.names
        entries = []
        for message in messages:
            fields: Fields = dict(zip(names, unpack(message.payload), strict=True))
            fields.update(read_attributes(message.payload, self.schema, size))
            self.finish(fields)
            entries.append(fields)
        return entries

    def _identity(self, message: Message) -> Hashable:
        size = self.header.layout.size
        if not self.volatile:
            return message.payload
        fixed = self.header.layout.unpack_from(message.payload)
        kept = tuple(
            value
            for name, value in zip(self.header.names, fixed, strict=True)
            if not (name == "state" and self.header is NEIGHBOUR_HEADER)
        )
        attributes = split_attributes(message.payload, size)
        return kept, tuple(entry for entry in attributes if entry[0] not in self.volatile)


def _families(header: Header, **values: int) -> tuple[bytes, ...]:
    return tuple(header.request(family=family, **values) for family in (AF_INET, AF_INET6))


DUMPS = {
    "links": Dump(
        request=18, header=LINK_HEADER, schema=LINK, payloads=(LINK_HEADER.request(),), watched=True
    ),
    "addresses": Dump(
        request=22, header=ADDRESS_HEADER, schema=ADDRESS, payloads=_families(ADDRESS_HEADER), watched=True
    ),
    "routes": Dump(
        request=26,
        header=ROUTE_HEADER,
        schema=ROUTE,
        payloads=_families(ROUTE_HEADER),
        finish=read_tunnels,
        volatile=frozenset({12, 23}),
    ),
    "rules": Dump(request=34, header=RULE_HEADER, schema=RULE, payloads=_families(RULE_HEADER)),
    "neighbours": Dump(
        request=30,
        header=NEIGHBOUR_HEADER,
        schema=NEIGHBOUR,
        payloads=_families(NEIGHBOUR_HEADER),
        volatile=frozenset({3, 4}),
    ),
    "proxy_neighbours": Dump(
        request=30,
        header=NEIGHBOUR_HEADER,
        schema=NEIGHBOUR,
        payloads=_families(NEIGHBOUR_HEADER, flags=NTF_PROXY),
    ),
    "fdb": Dump(
        request=30,
        header=NEIGHBOUR_HEADER,
        schema=NEIGHBOUR,
        payloads=(NEIGHBOUR_HEADER.request(family=AF_BRIDGE),),
        volatile=frozenset({3, 4}),
    ),
    "bridge_vlans": Dump(
        request=18,
        header=LINK_HEADER,
        schema=BRIDGE_LINK,
        payloads=(
            LINK_HEADER.request(family=AF_BRIDGE)
            + pack_attribute(IFLA_EXT_MASK, struct.pack("=I", RTEXT_FILTER_BRVLAN)),
        ),
        watched=True,
    ),
    "mdb": Dump(request=86, header=MDB_HEADER, schema=MDB, payloads=(MDB_HEADER.request(family=AF_BRIDGE),)),
    "nexthops": Dump(
        request=106, header=NEXTHOP_HEADER, schema=NEXTHOP, payloads=(NEXTHOP_HEADER.request(),), watched=True
    ),
    "nexthop_buckets": Dump(
        request=118,
        header=NEXTHOP_HEADER,
        schema=NEXTHOP,
        payloads=(NEXTHOP_HEADER.request(),),
        volatile=frozenset({13}),
    ),
    "vxlan_vnis": Dump(
        request=122,
        header=TUNNEL_HEADER,
        schema=TUNNEL,
        payloads=(TUNNEL_HEADER.request(family=AF_BRIDGE),),
    ),
    "qdiscs": Dump(
        request=38,
        header=QUEUEING_HEADER,
        schema=QUEUEING,
        payloads=(QUEUEING_HEADER.request(),),
        finish=read_limit,
        volatile=frozenset({3, 4, 7}),
    ),
    "address_labels": Dump(
        request=74, header=LABEL_HEADER, schema=LABEL, payloads=(LABEL_HEADER.request(family=AF_INET6),)
    ),
    "route_exceptions": Dump(
        request=26,
        header=ROUTE_HEADER,
        schema=ROUTE,
        payloads=_families(ROUTE_HEADER, flags=RTM_F_CLONED),
        volatile=frozenset({12, 23}),
    ),
}


def read_filters(socket: NetlinkSocket, qdiscs: Sequence[Fields]) -> list[Fields]:
    """The tc filters of all `qdiscs`: a dump of each place where filters can hang. Raises: as `Dump.read`."""
    payloads = []
    for qdisc in qdiscs:
        index, handle, kind = qdisc["ifindex"], qdisc["handle"], qdisc.get("kind")
        assert isinstance(index, int)
        assert isinstance(handle, int)
        if kind == "clsact":
            parents = [TC_CLSACT_INGRESS, TC_CLSACT_EGRESS]
        elif kind == "ingress":
            parents = [TC_INGRESS]
        else:
            parents = [handle] if handle else []
        payloads += [QUEUEING_HEADER.request(ifindex=index, parent=parent) for parent in parents]
    dump = Dump(
        request=RTM_GETTFILTER,
        header=QUEUEING_HEADER,
        schema={**QUEUEING, 2: Attribute("options", bytes)},
        payloads=tuple(payloads),
        volatile=frozenset({2, 3, 4, 7}),
    )
    return dump.read(socket)


def read_vlan_states(socket: NetlinkSocket) -> list[Fields]:
    """Of each VLAN of the ports of bridges (br_vlan_rtm_dump). Kernels before 5.6 have neither the states
    nor the request. Raises: as `Dump.read`.
    """
    dump = Dump(
        request=RTM_GETVLAN,
        header=TUNNEL_HEADER,
        schema=BRIDGE_VLAN,
        payloads=(TUNNEL_HEADER.request(family=AF_BRIDGE),),
    )
    return dump.read(socket)


def read_neighbour_tables(socket: NetlinkSocket) -> list[Fields]:
    """Limits and numbers of entries of the tables of neighbours, the same in each namespace of a kernel
    (neightbl_dump_info); what differs by device is left out.

    Raises: as `NetlinkSocket.dump`; MalformedMessage.
    """
    dump = Dump(request=RTM_GETNEIGHTBL, header=NEIGHBOUR_TABLE_HEADER, schema=NEIGHBOUR_TABLE, payloads=())
    tables = dump.entries(socket.dump(RTM_GETNEIGHTBL, NEIGHBOUR_TABLE_HEADER.request()))
    kept = (row for row in tables if "config" in row and row["family"] in (AF_INET, AF_INET6))
    return [{name: value for name, value in row.items() if name != str(NDTA_PARMS)} for row in kept]
