"""Netlink messages as the agent reads them: the kernel is trusted, but newer than this program it may be."""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar, cast

from kubectl_skoop.collect.netlink.message import (
    MalformedMessage,
    Message,
    pack_attribute,
    pack_message,
    split_messages,
)
from kubectl_skoop.collect.netlink.schema import Schema
from kubectl_skoop.collect.netlink.socket import NetlinkSocket
from kubectl_skoop.collect.nfnetlink import conntrack, hooks, ipset, nftables
from kubectl_skoop.collect.rtnetlink.tables import DUMPS, read_filters
from kubectl_skoop.collect.sockets import read_sockets
from kubectl_skoop.collect.team import options
from kubectl_skoop.collect.wireguard import parse_device
from kubectl_skoop.collect.xfrm import read_xfrm
from kubectl_skoop.snapshot.format import pack
from tests.fuzzing.target import Target

R = TypeVar("R")
_NUMBERS = bytes(range(1, 65))
"""Attributes that a seed has."""


class Answers:
    """A socket that answers whatever it is asked with the same messages."""

    def __init__(self, data: bytes) -> None:
        self._messages = list(split_messages(data))

    def dump(self, kind: int, payload: bytes, *, identity: object = None) -> list[Message]:
        return self._messages

    def fold(self, kind: int, payload: bytes, take: Callable[[Iterator[Message]], R]) -> R:
        return take(iter(self._messages))

    def request(self, kind: int, payload: bytes, flags: int = 0) -> Message:
        if not self._messages:
            raise MalformedMessage("no answer")
        return self._messages[0]


_READERS: Mapping[str, Callable[[NetlinkSocket], object]] = {
    **{name: dump.read for name, dump in DUMPS.items()},
    "conntrack": lambda socket: list(conntrack.read_conntrack(socket)[0]),
    "filters": lambda socket: read_filters(socket, [{"ifindex": 1, "handle": 1, "kind": "clsact"}]),
    "generation": nftables.generation,
    "hooks": hooks.read_hooks,
    "ipset": ipset.set_names,
    "nft tables": nftables.read_nft_tables,
    "nft rules": lambda socket: nftables.read_rules(socket, ()),
    "sockets": read_sockets,
    "team": lambda socket: list(options(socket.dump(0, b""))),
    "wireguard": lambda socket: parse_device(socket.dump(0, b"")),
    "xfrm": read_xfrm,
}
READERS = tuple(_READERS)


def run(data: bytes) -> None:
    """The first byte chooses the table. Raises: what `collect.table.read_table` makes a state of."""
    if data:
        socket = cast("NetlinkSocket", Answers(data[1:]))
        pack(_READERS[READERS[data[0] % len(READERS)]](socket))


def seeds() -> Iterator[bytes]:
    """Of each table a message with every attribute that its schema knows."""
    for number, name in enumerate(READERS):
        head = DUMPS[name].header.layout.size if name in DUMPS else 4
        known: Schema = DUMPS[name].schema if name in DUMPS else {}
        attributes = b"".join(
            pack_attribute(kind, payload)
            for kind in (known or _NUMBERS)
            for payload in (b"\2\0\0\0", b"eth0\0")
        )
        inner = pack_attribute(1, pack_attribute(1, pack_attribute(1, b"\12\0\0\1")))
        for body in (attributes, inner, bytes(240)):
            yield bytes([number]) + pack_message(16, 2, 1, bytes(head) + body)


TARGET = Target(name="netlink", run=run, seeds=seeds, refuses=(MalformedMessage, struct.error, OSError))
