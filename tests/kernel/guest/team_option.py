"""Sets an option of a team device, which ip(8) cannot: `team_option.py DEVICE NAME VALUE [PORT]`.

A text for the mode, a device's name for `activeport`, a number for `queue_id`, else 0 or 1 for a flag.
"""

import struct
import sys
from contextlib import suppress
from socket import if_nametoindex

from kubectl_skoop.collect.netlink.generic import HEADER, family_number
from kubectl_skoop.collect.netlink.message import NLA_F_NESTED, pack_attribute
from kubectl_skoop.collect.netlink.socket import NETLINK_GENERIC, NetlinkSocket
from kubectl_skoop.collect.team import NLA_FLAG, NLA_STRING, NLA_U32

NLM_F_ACK, TEAM_CMD_OPTIONS_SET = 4, 1


def main(device: str, name: str, value: str, port: str = "") -> None:
    match name:
        case "mode":
            kind, data = NLA_STRING, pack_attribute(4, value.encode() + b"\0")
        case "activeport":
            kind, data = NLA_U32, pack_attribute(4, struct.pack("=I", if_nametoindex(value)))
        case "queue_id":
            kind, data = NLA_U32, pack_attribute(4, struct.pack("=I", int(value)))
        case _:
            kind, data = NLA_FLAG, pack_attribute(4, b"") if value == "1" else b""
    option = pack_attribute(1, name.encode() + b"\0") + pack_attribute(3, bytes([kind])) + data
    if port:
        option += pack_attribute(6, struct.pack("=I", if_nametoindex(port)))
    listed = pack_attribute(2 | NLA_F_NESTED, pack_attribute(1 | NLA_F_NESTED, option))
    index = pack_attribute(1, struct.pack("=I", if_nametoindex(device)))
    with NetlinkSocket(NETLINK_GENERIC) as socket:
        family = family_number(socket, "team")
        # Set as it is, the kernel says so where nobody listens for the news (nlmsg_notify).
        with suppress(ProcessLookupError):
            socket.request(family, HEADER.pack(TEAM_CMD_OPTIONS_SET, 1) + index + listed, NLM_F_ACK)


if __name__ == "__main__":
    main(*sys.argv[1:])
