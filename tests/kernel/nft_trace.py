"""The rules that a packet met, as nf_tables itself tells (net/netfilter/nf_tables_trace.c).

iptables-nft writes rules of nf_tables, so its rules are told, too; those of iptables-legacy are not.
"""

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kubectl_skoop.collect.netlink.message import split_attributes, split_messages
from kubectl_skoop.testing.netns import Namespace, entered

NFT_MSG_TRACE = 17
_SOL_NETLINK, _ADD_MEMBERSHIP, _RCVBUFFORCE = 270, 1, 33
_NETFILTER, _GROUP_TRACE = 12, 9
_TABLE, _CHAIN, _HANDLE, _TYPE, _ID, _HEADER, _PROTOCOL, _POLICY = 1, 2, 3, 4, 6, 8, 15, 16
_MULTICAST = 0xFF
_BY_POLICY, _BY_RULE = 1, 3
_DROP = 0
_FAMILIES = {1: "inet", 2: "ip", 10: "ip6"}
_PROTOCOLS = {4: 2, 6: 10}
_TRACER = "tracer"
_EVERYTHING = f"""
table inet {_TRACER} {{
  chain pre {{ type filter hook prerouting priority -450; meta nftrace set 1; }}
  chain out {{ type filter hook output priority -450; meta nftrace set 1; }}
}}
"""
_BUFFER = 1 << 23


@dataclass(frozen=True, slots=True)
class Met:
    """A rule, or (number 0) a policy that drops."""

    table: str
    """With its family: `ip filter`."""
    chain: str
    number: int


@dataclass(slots=True)
class Tracer:
    _listener: socket.socket
    _numbers: dict[tuple[str, str, int], int]
    """(table, chain, handle) → number in the chain."""

    def met(self, family: int) -> list[tuple[Met, ...]]:
        """What has been told of this family's packets since the last call: of each, the rules in their order.

        Without those to a multicast address, which hosts send by themselves.
        """
        packets: dict[int, list[Met]] = {}
        multicast: set[int] = set()
        for payload in self._messages():
            values = dict(split_attributes(payload, 4))
            if _number(values[_PROTOCOL]) != _PROTOCOLS[family]:
                continue
            packet = _number(values[_ID])
            if values.get(_HEADER, b"").startswith(b"\x60") and values[_HEADER][24] == _MULTICAST:
                multicast.add(packet)
            packets.setdefault(packet, []).extend(self._rules(payload[0], values))
        return [tuple(rules) for packet, rules in packets.items() if packet not in multicast]

    def _rules(self, family: int, values: dict[int, bytes]) -> Iterator[Met]:
        table, chain = f"{_FAMILIES[family]} {_text(values[_TABLE])}", _text(values[_CHAIN])
        if table == f"inet {_TRACER}":
            return
        kind = _number(values[_TYPE])
        if kind == _BY_RULE and _HANDLE in values:
            handle = struct.unpack("!Q", values[_HANDLE])[0]
            yield Met(table, chain, self._numbers[table, chain, handle])
        elif kind == _BY_POLICY and _number(values[_POLICY]) == _DROP:
            yield Met(table, chain, 0)

    def _messages(self) -> Iterator[bytes]:
        while True:
            try:
                data = self._listener.recv(1 << 16)
            except BlockingIOError:
                return
            for message in split_messages(data):
                if message.type & 0xFF == NFT_MSG_TRACE:
                    yield message.payload


@contextmanager
def traced(router: Namespace) -> Iterator[Tracer]:
    """Every packet is traced from here on; rules that are written later have no number."""
    listed = json.loads(router.run("nft", "-j", "-a", "list", "ruleset"))["nftables"]
    with entered(router.path):
        listener = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETFILTER)
    with listener:
        listener.setsockopt(socket.SOL_SOCKET, _RCVBUFFORCE, _BUFFER)
        listener.bind((0, 0))
        listener.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, _GROUP_TRACE)
        listener.setblocking(False)
        router.run("nft", "-f", "-", text=_EVERYTHING)
        try:
            yield Tracer(listener, _rule_numbers([each["rule"] for each in listed if "rule" in each]))
        finally:
            router.run("nft", "delete", "table", "inet", _TRACER)


def _rule_numbers(rules: list[dict[str, object]]) -> dict[tuple[str, str, int], int]:
    found: dict[tuple[str, str, int], int] = {}
    size: dict[tuple[str, str], int] = {}
    for each in rules:
        table, chain, handle = f"{each['family']} {each['table']}", str(each["chain"]), each["handle"]
        assert isinstance(handle, int)
        size[table, chain] = size.get((table, chain), 0) + 1
        found[table, chain, handle] = size[table, chain]
    return found


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode()


def _number(value: bytes) -> int:
    return int(struct.unpack("!I", value)[0])
