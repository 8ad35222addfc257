"""The connection table, both families in one dump (include/uapi/linux/netfilter/nfnetlink_conntrack.h)."""

from collections.abc import Iterator
from dataclasses import dataclass

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
    translated: bool = False
    """Only those that NAT changed: the ones that can send a later packet of the flow astray."""

    def keeps(self, entry: Fields) -> bool:
        if self.translated and not _is_translated(entry):
            return False
        return self.addresses is None or not self.addresses.isdisjoint(_addresses(entry))

    def __str__(self) -> str:
        """What is kept, in words; empty: all."""
        if self.addresses is not None:
            return f"only entries with one of {', '.join(sorted(self.addresses))}"
        return "only entries that NAT changed" if self.translated else ""


def parse_wanted(text: str) -> Wanted | None:
    """`all`, `relevant`, `none`, or addresses separated by commas. None: no entries. Raises: InputError."""
    match text:
        case "none":
            return None
        case "all":
            return Wanted()
        case "relevant":
            return Wanted(translated=True)
    addresses = [parse_address(word) for word in text.split(",")]
    if None in addresses:
        raise InputError(f"--conntrack {text}: must be all, relevant, none, or addresses separated by commas")
    return Wanted(frozenset(map(str, addresses)))


def read_conntrack(socket: NetlinkSocket, wanted: Wanted) -> tuple[list[Fields], str]:
    """The entries, and in words which of them were left out. Raises: as `NetlinkSocket.dump`."""
    messages = socket.dump(message_type(CTNETLINK, IPCTNL_MSG_CT_GET), header())
    entries = (
        {"family": family_of(message.payload), **read_attributes(message.payload, ENTRY, HEADER_BYTES)}
        for message in messages
    )
    kept = [entry for entry in entries if wanted.keeps(entry)]
    told = [str(wanted)] if str(wanted) else []
    told += [f"only {MOST} of {len(kept)} entries"] if len(kept) > MOST else []
    return kept[:MOST], "; ".join(told)


def _is_translated(entry: Fields) -> bool:
    """The tuple of the replies is not the original one turned round."""
    match entry.get("orig"), entry.get("reply"):
        case {"ip": dict(ip), "proto": dict(proto)}, {"ip": dict(ip_back), "proto": dict(proto_back)}:
            there = (ip.get("src"), proto.get("src_port"), ip.get("dst"), proto.get("dst_port"))
            back = (
                ip_back.get("dst"),
                proto_back.get("dst_port"),
                ip_back.get("src"),
                proto_back.get("src_port"),
            )
            return there != back
        case _:
            return True


def _addresses(entry: Fields) -> Iterator[str]:
    for direction in ("orig", "reply"):
        match entry.get(direction):
            case {"ip": {"src": str(src), "dst": str(dst)}}:
                yield src
                yield dst
