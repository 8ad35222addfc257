"""The functions at each hook in the order in which they run, where the kernel tells it (K-1;
include/uapi/linux/netfilter/nfnetlink_hook.h)."""

import struct

from kubectl_skoop.collect.netlink.message import pack_attribute
from kubectl_skoop.collect.netlink.schema import Fields, be32, raw, read_attributes, schema, text
from kubectl_skoop.collect.netlink.socket import NetlinkSocket
from kubectl_skoop.collect.nfnetlink.request import HEADER_BYTES, HOOK, header, message_type

NFNL_MSG_HOOK_GET, NFNLA_HOOK_HOOKNUM = 0, 1
NFPROTO_IPV4, NFPROTO_ARP, NFPROTO_BRIDGE, NFPROTO_IPV6 = 2, 3, 7, 10
_HOOKS = {NFPROTO_IPV4: 5, NFPROTO_IPV6: 5, NFPROTO_ARP: 3, NFPROTO_BRIDGE: 5}
NFNL_HOOK_TYPE_BPF = 2


def _last(payload: bytes) -> object:
    """The family is one byte, or the last of four. Raises: struct.error."""
    return struct.unpack_from("=B", payload, len(payload) - 1)[0]


_CHAIN = schema((1, "table", text), (2, "family", _last), (3, "name", text))
_BPF = schema((1, "program", be32))


def chain(payload: bytes) -> object:
    """NFNLA_HOOK_CHAIN_INFO: what `desc` holds depends on `type`."""
    fields = read_attributes(payload, schema((1, "desc", raw), (2, "type", be32)))
    description = fields.get("desc")
    if isinstance(description, bytes):
        bpf = fields.get("type") == NFNL_HOOK_TYPE_BPF
        fields["desc"] = read_attributes(description, _BPF if bpf else _CHAIN)
    return fields


_ENTRY = schema(
    (1, "hook", be32),
    (2, "priority", lambda payload: struct.unpack(">i", payload)[0]),
    (3, "device", text),
    (4, "function", text),
    (5, "module", text),
    (6, "chain", chain),
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
