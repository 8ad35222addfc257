"""The connection table, both families in one dump (include/uapi/linux/netfilter/nfnetlink_conntrack.h)."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.collect.netlink.schema import (
    Fields,
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
from kubectl_skoop.model.errors import InputError

IPCTNL_MSG_CT_GET = 1
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
_TUPLE = schema((1, "ip", nested(_IP)), (2, "proto", nested(_PROTOCOL)), (3, "zone", be16))
_TCP = schema(
    (1, "state", u8), (2, "wscale_original", u8), (3, "wscale_reply", u8), (4, "flags_original", raw)
)
_SCTP = schema((1, "state", u8), (2, "vtag_original", be32), (3, "vtag_reply", be32))
_COUNTERS = schema((1, "packets", be64), (2, "bytes", be64))
ENTRY = schema(
    (1, "orig", nested(_TUPLE)),
    (2, "reply", nested(_TUPLE)),
    (3, "status", be32),
    (4, "protoinfo", nested(schema((1, "tcp", nested(_TCP)), (3, "sctp", nested(_SCTP))))),
    (5, "help", nested(schema((1, "name", text)))),
    (7, "timeout", be32),
    (8, "mark", be32),
    (9, "counters_orig", nested(_COUNTERS)),
    (10, "counters_reply", nested(_COUNTERS)),
    (11, "use", be32),
    (12, "id", be32),
    (14, "master", nested(_TUPLE)),
    (18, "zone", be16),
    (20, "timestamp", nested(schema((1, "start", be64), (2, "stop", be64)))),
    (22, "labels", raw),
)


MOST = 200_000
"""Entries that a dump keeps."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries to keep."""

    addresses: frozenset[str] | None = None
    """Those that bear one of these, in either direction; None: all."""

    def keeps(self, entry: Fields) -> bool:
        return self.addresses is None or not self.addresses.isdisjoint(_addresses(entry))


def parse_wanted(text: str) -> Wanted | None:
    """`all`, `none`, or addresses separated by commas. None: no entries. Raises: InputError."""
    if text == "none":
        return None
    if text == "all":
        return Wanted()
    addresses = [parse_address(word) for word in text.split(",")]
    if None in addresses:
        raise InputError(f"--conntrack {text}: must be all, none, or addresses separated by commas")
    return Wanted(frozenset(map(str, addresses)))


def read_conntrack(socket: NetlinkSocket, wanted: Wanted) -> tuple[list[Fields], str]:
    """The entries, and in words which of them were left out. Raises: as `NetlinkSocket.dump`."""
    messages = socket.dump(message_type(CTNETLINK, IPCTNL_MSG_CT_GET), header())
    entries = (
        {"family": family_of(message.payload), **read_attributes(message.payload, ENTRY, HEADER_BYTES)}
        for message in messages
    )
    kept = list(islice((entry for entry in entries if wanted.keeps(entry)), MOST))
    if wanted.addresses is not None:
        return kept, f"only entries with one of {', '.join(sorted(wanted.addresses))}"
    return kept, f"only {MOST} of {len(messages)} entries" if len(kept) < len(messages) else ""


def _addresses(entry: Fields) -> Iterator[str]:
    for direction in ("orig", "reply"):
        match entry.get(direction):
            case {"ip": {"src": str(src), "dst": str(dst)}}:
                yield src
                yield dst
