"""The connection table, both families in one dump (include/uapi/linux/netfilter/nfnetlink_conntrack.h)."""

from collections.abc import Iterator

from kubectl_skoop.collect.netlink.message import Message, split_attributes
from kubectl_skoop.collect.netlink.schema import (
    address,
    be16,
    be32,
    be64,
    nested,
    raw,
    read_attributes,
    schema,
    text,
    u8,
)
from kubectl_skoop.collect.netlink.socket import NetlinkSocket
from kubectl_skoop.collect.nfnetlink.request import CTNETLINK, HEADER_BYTES, family_of, header, message_type
from kubectl_skoop.collect.selection import MAX_ENTRIES, Cut, Selection
from kubectl_skoop.snapshot.packed_rows import PackedRows

IPCTNL_MSG_CT_GET = 1
CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_TUPLE_IP = 1, 2, 1
_IP = schema((1, "src", address), (2, "dst", address), (3, "src", address), (4, "dst", address))
_PROTOCOL = schema(
    (1, "num", u8),
    (2, "src_port", be16),
    (3, "dst_port", be16),
    (4, "icmp_id", be16),
    (5, "icmp_type", u8),
    (6, "icmp_code", u8),
    (7, "icmp_id", be16),
    (8, "icmp_type", u8),
    (9, "icmp_code", u8),
)
TUPLE = schema((1, "ip", nested(_IP)), (2, "proto", nested(_PROTOCOL)), (3, "zone", be16))
_TCP = schema(
    (1, "state", u8), (2, "wscale_original", u8), (3, "wscale_reply", u8), (4, "flags_original", raw)
)
_SCTP = schema((1, "state", u8), (2, "vtag_original", be32), (3, "vtag_reply", be32))
_COUNTERS = schema((1, "packets", be64), (2, "bytes", be64))
ENTRY = schema(
    (1, "orig", nested(TUPLE)),
    (2, "reply", nested(TUPLE)),
    (3, "status", be32),
    (4, "protoinfo", nested(schema((1, "tcp", nested(_TCP)), (3, "sctp", nested(_SCTP))))),
    (5, "help", nested(schema((1, "name", text)))),
    (7, "timeout", be32),
    (8, "mark", be32),
    (9, "counters_orig", nested(_COUNTERS)),
    (10, "counters_reply", nested(_COUNTERS)),
    (11, "use", be32),
    (12, "id", be32),
    (14, "master", nested(TUPLE)),
    (18, "zone", be16),
    (20, "timestamp", nested(schema((1, "start", be64), (2, "stop", be64)))),
    (22, "labels", raw),
)


def read_conntrack(
    socket: NetlinkSocket, selection: Selection | None = None, limit: int = MAX_ENTRIES
) -> tuple[PackedRows, Cut]:
    """The entries of the selection, at most `limit`. Raises: as `NetlinkSocket.dump`."""

    def take(messages: Iterator[Message]) -> tuple[PackedRows, int]:
        found = PackedRows()
        kept = 0
        left_out = 0
        for message in messages:
            if selection is not None and not _covered(message.payload, selection):
                continue
            if kept == limit:
                left_out += 1
                continue
            kept += 1
            fields = read_attributes(message.payload, ENTRY, HEADER_BYTES)
            found.append({"family": family_of(message.payload), **fields})
        return found, left_out

    found, left_out = socket.fold(message_type(CTNETLINK, IPCTNL_MSG_CT_GET), header(), take)
    return found, Cut(selection.written if selection else (), left_out)


def _covered(payload: bytes, selection: Selection) -> bool:
    """Decided before the entry is read as a whole."""
    return selection.somewhere.search(payload) is not None and any(
        selection.covers(*_ends(value))
        for kind, value in split_attributes(payload, HEADER_BYTES)
        if kind in (CTA_TUPLE_ORIG, CTA_TUPLE_REPLY)
    )


def _ends(value: bytes) -> tuple[bytes, bytes]:
    """Source and destination of a tuple; without addresses: empty."""
    for kind, addresses in split_attributes(value):
        if kind == CTA_TUPLE_IP:
            found = dict(split_attributes(addresses))
            return found.get(1) or found.get(3, b""), found.get(2) or found.get(4, b"")
    return b"", b""
