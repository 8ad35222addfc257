"""Which ipsets there are: whether `ipset save` has anything to print
(include/uapi/linux/netfilter/ipset/ip_set.h)."""

import struct

from kubectl_skoop.collect.netlink.message import pack_attribute
from kubectl_skoop.collect.netlink.schema import read_attributes, schema, text
from kubectl_skoop.collect.netlink.socket import NetlinkSocket
from kubectl_skoop.collect.nfnetlink.request import HEADER_BYTES, IPSET, header, message_type

IPSET_CMD_LIST = 7
IPSET_ATTR_PROTOCOL, IPSET_ATTR_SETNAME, IPSET_ATTR_FLAGS = 1, 2, 6
IPSET_PROTOCOL, IPSET_FLAG_LIST_SETNAME = 6, 1 << 1
NLA_F_NET_BYTEORDER = 0x4000


def set_names(socket: NetlinkSocket) -> list[str]:
    """Raises: as `NetlinkSocket.dump`."""
    request = (
        header(2)
        + pack_attribute(IPSET_ATTR_PROTOCOL, bytes([IPSET_PROTOCOL]))
        + pack_attribute(IPSET_ATTR_FLAGS | NLA_F_NET_BYTEORDER, struct.pack(">I", IPSET_FLAG_LIST_SETNAME))
    )
    try:
        messages = socket.dump(message_type(IPSET, IPSET_CMD_LIST), request)
    except FileNotFoundError:
        return []
    names = schema((IPSET_ATTR_SETNAME, "name", text))
    found = [read_attributes(message.payload, names, HEADER_BYTES).get("name") for message in messages]
    return [name for name in found if isinstance(name, str)]
