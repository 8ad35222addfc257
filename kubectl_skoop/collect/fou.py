"""UDP ports on which the kernel takes packets of tunnels (include/uapi/linux/fou.h)."""

from kubectl_skoop.collect.netlink.generic import HEADER, family_number
from kubectl_skoop.collect.netlink.schema import Fields, address, be16, flag, read_attributes, s32, schema, u8
from kubectl_skoop.collect.netlink.socket import NetlinkSocket

FOU_CMD_GET = 3
FOU = schema(
    (1, "port", be16),
    (2, "af", u8),
    (3, "ip_proto", u8),
    (4, "type", u8),
    (5, "remcsum_nopartial", flag),
    (6, "local", address),
    (7, "local6", address),
    (8, "remote", address),
    (9, "remote6", address),
    (10, "dport", be16),
    (11, "ifindex", s32),
)


def read_fou(socket: NetlinkSocket) -> list[Fields]:
    """Those of this namespace. The module must be there: asking would load it.

    Raises: as `NetlinkSocket.dump`; MalformedMessage.
    """
    messages = socket.dump(family_number(socket, "fou"), HEADER.pack(FOU_CMD_GET, 1))
    return [read_attributes(message.payload, FOU, HEADER.size) for message in messages]
