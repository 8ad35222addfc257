"""Multiple spanning trees of a bridge, which bridge(8) of iproute2 6.1 cannot set up:

`mst_option.py enable BRIDGE`, `group BRIDGE VLAN GROUP`, `state PORT GROUP STATE`.
"""

import struct
import sys
from socket import if_nametoindex

from kubectl_skoop.collect.netlink.message import NLA_F_NESTED, pack_attribute
from kubectl_skoop.collect.netlink.socket import NETLINK_ROUTE, NetlinkSocket
from kubectl_skoop.collect.rtnetlink.tables import AF_BRIDGE, LINK_HEADER, TUNNEL_HEADER

NLM_F_ACK = 4
RTM_NEWLINK, RTM_SETLINK, RTM_NEWVLAN = 16, 19, 112
IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_BR_MULTI_BOOLOPT, MST_ENABLED = 18, 1, 2, 46, 4
BRIDGE_VLANDB_GLOBAL_OPTIONS, BRIDGE_VLANDB_GOPTS_ID, BRIDGE_VLANDB_GOPTS_MSTI = 2, 1, 18
IFLA_AF_SPEC, IFLA_BRIDGE_MST, IFLA_BRIDGE_MST_ENTRY = 26, 6, 1
IFLA_BRIDGE_MST_ENTRY_MSTI, IFLA_BRIDGE_MST_ENTRY_STATE = 1, 2


def nested(kind: int, *parts: bytes) -> bytes:
    return pack_attribute(kind | NLA_F_NESTED, b"".join(parts))


def main(name: str, device: str, *numbers: str) -> None:
    index, values = if_nametoindex(device), [int(number) for number in numbers]
    match name, values:
        case "enable", []:
            flags = pack_attribute(IFLA_BR_MULTI_BOOLOPT, struct.pack("=II", MST_ENABLED, MST_ENABLED))
            kind = pack_attribute(IFLA_INFO_KIND, b"bridge\0")
            told = nested(IFLA_LINKINFO, kind, nested(IFLA_INFO_DATA, flags))
            request, head = RTM_NEWLINK, LINK_HEADER.request(index=index)
        case "group", [vlan, group]:
            options = pack_attribute(BRIDGE_VLANDB_GOPTS_ID, struct.pack("=H", vlan))
            options += pack_attribute(BRIDGE_VLANDB_GOPTS_MSTI, struct.pack("=H", group))
            told = nested(BRIDGE_VLANDB_GLOBAL_OPTIONS, options)
            request, head = RTM_NEWVLAN, TUNNEL_HEADER.request(family=AF_BRIDGE, ifindex=index)
        case "state", [group, state]:
            entry = pack_attribute(IFLA_BRIDGE_MST_ENTRY_MSTI, struct.pack("=H", group))
            entry += pack_attribute(IFLA_BRIDGE_MST_ENTRY_STATE, struct.pack("=B", state))
            told = nested(IFLA_AF_SPEC, nested(IFLA_BRIDGE_MST, nested(IFLA_BRIDGE_MST_ENTRY, entry)))
            request, head = RTM_SETLINK, LINK_HEADER.request(family=AF_BRIDGE, index=index)
        case _:
            raise SystemExit(__doc__)
    with NetlinkSocket(NETLINK_ROUTE) as socket:
        socket.request(request, head + told, NLM_F_ACK)


if __name__ == "__main__":
    main(*sys.argv[1:])
