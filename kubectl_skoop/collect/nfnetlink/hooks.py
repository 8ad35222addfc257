"""The functions at each hook in the order in which they run, where the kernel tells it (K-1;
include/uapi/linux/netfilter/nfnetlink_hook.h)."""

import struct

from kubectl_skoop.collect.netlink.message import pack_attribute
from kubectl_skoop.collect.netlink.schema import Fields, be32, nested, read_attributes, schema, text
from kubectl_skoop.collect.netlink.socket import NetlinkSocket
from kubectl_skoop.collect.nfnetlink.request import HEADER_BYTES, HOOK, header, message_type

NFNL_MSG_HOOK_GET, NFNLA_HOOK_HOOKNUM = 0, 1
NFPROTO_IPV4, NFPROTO_ARP, NFPROTO_BRIDGE, NFPROTO_IPV6 = 2, 3, 7, 10
_HOOKS = {NFPROTO_IPV4: 5, NFPROTO_IPV6: 5, NFPROTO_ARP: 3, NFPROTO_BRIDGE: 5}
_CHAIN = schema((1, "table", text), (2, "family", lambda payload: payload[-1]), (3, "name", text))
_ENTRY = schema(
    (1, "hook", be32),
    (2, "priority", lambda payload: struct.unpack(">i", payload)[0]),
    (3, "device", text),
    (4, "function", text),
    (5, "module", text),
    (6, "chain", nested(schema((1, "desc", nested(_CHAIN)), (2, "type", be32)))),
)


def read_hooks(socket: NetlinkSocket) -> list[Fields]:
    """`family` and `hook` (NF_INET_*), then as they run. Raises: as `NetlinkSocket.dump`."""
    found: list[Fields] = []
    for family, count in _HOOKS.items():
        for hook in range(count):
            request = header(family) + pack_attribute(NFNLA_HOOK_HOOKNUM, struct.pack(">I", hook))
            for message in socket.dump(message_type(HOOK, NFNL_MSG_HOOK_GET), request):
                fields = read_attributes(message.payload, _ENTRY, HEADER_BYTES)
                found.append({"family": family, **fields, "hook": hook})
    return found
