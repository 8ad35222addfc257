"""Generic netlink: each family has a number of its own in the running kernel (net/netlink/genetlink.c)."""

import struct

from kubectl_skoop.collect.netlink.message import pack_attribute, split_attributes
from kubectl_skoop.collect.netlink.socket import NetlinkSocket

GENL_ID_CTRL, CTRL_CMD_GETFAMILY, CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 16, 3, 1, 2
HEADER = struct.Struct("=BBxx")
"""struct genlmsghdr: command, version."""


def family_number(socket: NetlinkSocket, name: str) -> int:
    """The type of the family's messages. Its module must be there: asking would load it. Raises: OSError."""
    asked = pack_attribute(CTRL_ATTR_FAMILY_NAME, name.encode() + b"\0")
    answer = socket.request(GENL_ID_CTRL, HEADER.pack(CTRL_CMD_GETFAMILY, 1) + asked)
    number = dict(split_attributes(answer.payload, HEADER.size)).get(CTRL_ATTR_FAMILY_ID, b"")
    return int(struct.unpack("=H", number)[0])
