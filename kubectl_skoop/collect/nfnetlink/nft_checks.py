"""What a native rule asks of the protocol in the kernel, as nft lists only what it does not take for implied.

nft 1.0.6 leaves `meta protocol ip6` out of `meta protocol ip6 ip ttl 9` (its payload_dependency_kill, K-25),
and lists `ip ttl >= 9 th dport <= 80` as `th dport 9-80`.
Kernel: include/uapi/linux/netfilter/nf_tables.h; net/netfilter/nft_{meta,payload,cmp}.c.
"""

import struct
import sys
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from kubectl_skoop.collect.netlink.message import split_attributes
from kubectl_skoop.collect.netlink.schema import Fields

ETH_P_IP, ETH_P_ARP, ETH_P_IPV6 = 0x0800, 0x0806, 0x86DD
_NFPROTO_ARP = 3
_NAME, _DATA = 1, 2
_VERDICT_REGISTER = 0
_LINK_HEADER, _NETWORK_HEADER = 0, 1
_EQ, _NEQ, _LTE, _GTE = 0, 1, 3, 5
_META = {1: "meta protocol", 8: "meta iiftype", 15: "meta nfproto", 16: "meta l4proto"}
_LINK = {(12, 2): "ether type", (16, 2): "vlan type"}
_NETWORK = {
    ETH_P_IP: {(9, 1): "ip protocol"},
    ETH_P_IPV6: {(6, 1): "ip6 nexthdr"},
    ETH_P_ARP: {(0, 2): "arp htype", (2, 2): "arp ptype", (4, 1): "arp hlen", (5, 1): "arp plen"},
}
_OF_TABLE = {2: ETH_P_IP, _NFPROTO_ARP: ETH_P_ARP, 10: ETH_P_IPV6}
"""By NFPROTO_*, what comes to a table of one protocol."""
_TELLS_TYPE = frozenset({"meta protocol", "ether type", "vlan type"})
_DESTINATIONS = {
    **dict.fromkeys(("meta", "payload", "ct", "exthdr", "fib", "rt", "osf", "xfrm"), 1),
    **dict.fromkeys(("immediate", "numgen"), 1),
    **dict.fromkeys(("bitwise", "byteorder", "hash", "socket", "tunnel"), 2),
    "lookup": 3,
}
"""Number of the attribute that names the register written: NFTA_*_DREG."""
_COMPARISONS = frozenset({"cmp", "range"})


class Check(NamedTuple):
    """One comparison; a value of several bytes is as on the wire."""

    after: int
    """How many statements stand before it."""
    field: str
    equal: bool
    value: int


class Checks(NamedTuple):
    """Those of one rule, how many statements it has beside its matches, and how many matches of a range."""

    statements: int
    checks: tuple[Check, ...]
    ranges: int


class _Load(NamedTuple):
    register: int
    meta: str = ""
    base: int = -1
    offset: int = 0
    length: int = 0


class _Compare(NamedTuple):
    register: int
    equal: bool
    value: bytes


class _Write(NamedTuple):
    register: int


class _Statement(NamedTuple):
    """It does something, or gives a verdict."""


class _Order(NamedTuple):
    """One end of a range, or a comparison by itself."""

    register: int
    operation: int


class _Match(NamedTuple):
    """A comparison that nft always lists."""

    range: bool = False


_Step = _Load | _Compare | _Write | _Statement | _Order | _Match


def read_checks(rules: Iterable[tuple[int, str, int, bytes]]) -> Fields:
    """Of family, table, handle and expressions of each rule.

    `kinds` are the different ones: `statements`, `checks` (Check as a list), `ranges`; `rules` names by table
    the `handles`, and which of the `kinds` each has.
    """
    kinds: dict[Checks, int] = {}
    tables: dict[tuple[int, str], tuple[list[int], list[int]]] = {}
    for family, table, handle, expressions in rules:
        found = checks_of(family, (item for _, item in split_attributes(expressions)))
        handles, indexes = tables.setdefault((family, table), ([], []))
        handles.append(handle)
        indexes.append(kinds.setdefault(found, len(kinds)))
    return {
        "kinds": [
            {
                "statements": kind.statements,
                "checks": [list(check) for check in kind.checks],
                "ranges": kind.ranges,
            }
            for kind in kinds
        ],
        "rules": [
            {"family": family, "table": table, "handles": handles, "kinds": indexes}
            for (family, table), (handles, indexes) in tables.items()
        ],
    }


def checks_of(family: int, expressions: Iterable[bytes]) -> Checks:
    """Of one rule: the payloads of NFTA_LIST_ELEM. Raises: MalformedMessage."""
    loaded: dict[int, _Load] = {}
    checks: list[Check] = []
    statements, ranges, protocol = 0, 0, _OF_TABLE.get(family, 0)
    before: _Step | None = None
    for step in map(_step, expressions):
        ranges += _is_range(before, step)
        before = step
        match step:
            case _Load(register=register):
                loaded[register] = step
            case _Write(register=register):
                loaded.pop(register, None)
            case _Statement():
                statements += 1
            case _Compare(register=register, equal=equal, value=value) if register in loaded:
                for field, number in _fields(loaded[register], protocol, equal, value):
                    checks.append(Check(statements, field, equal, number))
                    if equal and not protocol:
                        protocol = _protocol(field, number)
    return Checks(statements, tuple(checks), ranges)


def _is_range(before: _Step | None, step: _Step) -> bool:
    """Both ends of a range are held against what was loaded once."""
    if isinstance(step, _Order):
        return step.operation == _LTE and before == _Order(step.register, _GTE)
    return isinstance(step, _Match) and step.range


def _protocol(field: str, value: int) -> int:
    if field in _TELLS_TYPE:
        return value if value in _NETWORK else 0
    return _OF_TABLE.get(value, 0) if field == "meta nfproto" else 0


def _fields(load: _Load, protocol: int, equal: bool, value: bytes) -> Iterator[tuple[str, int]]:
    """nft reads neighbouring fields at once (payload_try_merge), but none that is to differ."""
    if load.meta:
        yield load.meta, int.from_bytes(value, sys.byteorder if load.meta == "meta iiftype" else "big")
        return
    known = _LINK if load.base == _LINK_HEADER else _NETWORK.get(protocol, {})
    for (offset, length), field in known.items():
        start = offset - load.offset
        whole = start == 0 and length == load.length
        if whole or (equal and start >= 0 and start + length <= load.length):
            yield field, int.from_bytes(value[start : start + length])


@lru_cache(maxsize=4096)
def _step(item: bytes) -> _Step:
    """Raises: MalformedMessage."""
    fields = dict(split_attributes(item))
    name = fields.get(_NAME, b"").rstrip(b"\0").decode("ascii", "replace")
    if name not in _DESTINATIONS and name not in _COMPARISONS:
        return _Statement()
    attributes = dict(split_attributes(fields.get(_DATA, b"")))
    if name == "cmp":
        return _comparison(attributes)
    if name == "range":
        return _Match(range=True)
    number = _number(attributes.get(_DESTINATIONS[name]))
    if number is None:
        return _Match() if name == "lookup" else _Statement()
    if number == _VERDICT_REGISTER:
        return _Statement()
    if name == "meta" and (key := _META.get(_number(attributes.get(2)) or 0)):
        return _Load(number, meta=key)
    if name == "payload":
        base, offset, length = (_number(attributes.get(each)) or 0 for each in (2, 3, 4))
        if base in (_LINK_HEADER, _NETWORK_HEADER):
            return _Load(number, base=base, offset=offset, length=length)
    return _Write(number)


def _comparison(attributes: dict[int, bytes]) -> _Step:
    """NFTA_CMP_SREG, NFTA_CMP_OP, NFTA_CMP_DATA."""
    register, operation = _number(attributes.get(1)), _number(attributes.get(2))
    if register is None or operation is None:
        return _Match()
    if operation not in (_EQ, _NEQ):
        return _Order(register, operation)
    value = dict(split_attributes(attributes.get(3, b""))).get(1, b"")
    return _Compare(register, operation == _EQ, value)


def _number(payload: bytes | None) -> int | None:
    return None if payload is None or len(payload) != 4 else int(struct.unpack(">I", payload)[0])
