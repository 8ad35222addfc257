"""One rule of ebtables, said in the expressions of nft, which ask the same of a frame (ebtables.c, ebt_*.c).

An option that is not known becomes a match or target that nobody models: then the rule is unknown.
"""

import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope
from kubectl_skoop.netstack.netfilter.nft.rule import NftRule
from kubectl_skoop.netstack.netfilter.types import RuleContext, Verdict

SCOPE = Scope("bridge", {})
_GROUP_BIT = "01:00:00:00:00:00"
_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "CONTINUE": "continue", "RETURN": "return"}
_PROTOCOLS = {"IPv4": "ip", "IPv6": "ip6", "ARP": "arp", "802_1Q": "vlan"}
_PACKET_TYPES = {"otherhost": "other", "host": "host", "broadcast": "broadcast", "multicast": "multicast"}
_ADDRESSES = {"Broadcast": "ff:ff:ff:ff:ff:ff", "BGA": "01:80:c2:00:00:00"}
_MARKS = {"--mark-set": None, "--mark-or": "|", "--mark-and": "&", "--mark-xor": "^"}


@dataclass(frozen=True)
class EbtRule:
    text: str
    """As the save tool prints it."""
    place: str

    def evaluate(self, ctx: RuleContext) -> Verdict | Unknown:
        return self._rule.evaluate(ctx)

    def if_matched(self, ctx: RuleContext) -> Verdict | Unknown:
        return self._rule.if_matched(ctx)

    @cached_property
    def _rule(self) -> NftRule:
        return NftRule({"expr": expressions(self.text)}, SCOPE, self.place)


def expressions(text: str) -> list[object]:
    """The JSON of `-A CHAIN …`; one unknown match of a line that cannot be read."""
    try:
        return _expressions(shlex.split(text)[2:])
    except ValueError:
        return [_unknown("a rule that cannot be read"), {"drop": None}]


def _expressions(words: Sequence[str]) -> list[object]:
    options = list(_options(words))
    target = next((position for position, (name, _, _) in enumerate(options) if name == "-j"), len(options))
    matches = [_match(name, value, negated) for name, value, negated in options[:target]]
    return [*matches, *_target(options[target:])]


def _options(words: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Name, value and whether `!` stands before either."""
    negated, position = False, 0
    while position < len(words):
        name, values = words[position], []
        position += 1
        if name == "!":
            negated = True
            continue
        while position < len(words) and not words[position].startswith("-"):
            values.append(words[position])
            position += 1
        if values and values[-1] == "!" and len(values) > 1:
            values.pop()
            position -= 1
        yield name, values[-1] if values else "", negated or "!" in values
        negated = False


def _match(name: str, value: str, negated: bool) -> object:
    build = _MATCHES.get(name)
    return _unknown(name) if build is None else build(value, "!=" if negated else "==")


def _unknown(name: str) -> object:
    """A match."""
    return {"match": {"op": "==", "left": {name: None}, "right": 1}}


def _unknown_target(name: str) -> object:
    return {f"the target {name}": None}


def _compare(left: object, operator: str, right: object) -> object:
    return {"match": {"op": operator, "left": left, "right": right}}


def _payload(protocol: str, field: str) -> object:
    return {"payload": {"protocol": protocol, "field": field}}


def _meta(key: str) -> object:
    return {"meta": {"key": key}}


Build = Callable[[str, str], object]


def _mac(protocol: str, field: str) -> Build:
    """With a mask behind a slash, or one of the names that ebtables has for addresses."""

    def build(value: str, operator: str) -> object:
        left = _payload(protocol, field)
        if value in ("Unicast", "Multicast"):
            bit = "00:00:00:00:00:00" if value == "Unicast" else _GROUP_BIT
            return _compare({"&": [left, _GROUP_BIT]}, operator, bit)
        address, _, mask = _ADDRESSES.get(value, value).partition("/")
        return _compare({"&": [left, mask]} if mask else left, operator, address)

    return build


def _address(protocol: str, field: str) -> Build:
    def build(value: str, operator: str) -> object:
        address, _, length = value.partition("/")
        if length and not length.isdecimal():
            return _unknown(f"the mask {length}")
        right: object = {"prefix": {"addr": address, "len": int(length)}} if length else address
        return _compare(_payload(protocol, field), operator, right)

    return build


def _port(field: str) -> Build:
    def build(value: str, operator: str) -> object:
        low, colon, high = value.partition(":")
        right = {"range": [int(low or 0), int(high or 65535)]} if colon else int(value)
        return _compare(_payload("th", field), operator, right)

    return build


def _device(key: str) -> Build:
    return lambda value, operator: _compare(
        _meta(key), operator, f"{value[:-1]}*" if value.endswith("+") else value
    )


def _protocol(value: str, operator: str) -> object:
    if value == "LENGTH":
        return _unknown("-p LENGTH")
    return _compare(_payload("ether", "type"), operator, _PROTOCOLS.get(value, value))


def _packet_type(value: str, operator: str) -> object:
    if value not in _PACKET_TYPES:
        return _unknown(f"--pkttype-type {value}")
    return _compare(_meta("pkttype"), operator, _PACKET_TYPES[value])


def _mark(value: str, operator: str) -> object:
    mark, _, mask = value.partition("/")
    left = {"&": [_meta("mark"), int(mask, 0)]} if mask else _meta("mark")
    return _compare(left, operator, int(mark, 0))


def _l4(value: str, operator: str) -> object:
    return _compare(_meta("l4proto"), operator, value)


_MATCHES: dict[str, Build] = {
    "-p": _protocol,
    "-s": _mac("ether", "saddr"),
    "-d": _mac("ether", "daddr"),
    "-i": _device("iifname"),
    "-o": _device("oifname"),
    "--logical-in": _device("ibrname"),
    "--logical-out": _device("obrname"),
    "--ip-src": _address("ip", "saddr"),
    "--ip-dst": _address("ip", "daddr"),
    "--ip-proto": _l4,
    "--ip-sport": _port("sport"),
    "--ip-dport": _port("dport"),
    "--ip6-src": _address("ip6", "saddr"),
    "--ip6-dst": _address("ip6", "daddr"),
    "--ip6-proto": _l4,
    "--ip6-sport": _port("sport"),
    "--ip6-dport": _port("dport"),
    "--arp-op": lambda value, operator: _compare(_payload("arp", "operation"), operator, value.lower()),
    "--arp-ip-src": _address("arp", "saddr ip"),
    "--arp-ip-dst": _address("arp", "daddr ip"),
    "--arp-mac-src": _mac("arp", "saddr ether"),
    "--arp-mac-dst": _mac("arp", "daddr ether"),
    "--pkttype-type": _packet_type,
    "--vlan-id": lambda value, operator: _compare(_payload("vlan", "id"), operator, int(value)),
    "--mark": _mark,
    "--limit": lambda value, operator: {"limit": {"rate": 1, "per": "second"}},
    "--limit-burst": lambda value, operator: {"counter": None},
}
"""`--limit-burst` belongs to `--limit`, and decides nothing for one packet."""


def _target(options: Sequence[tuple[str, str, bool]]) -> list[object]:
    if not options:
        return []
    (_, name, _), *own = options
    if name in _VERDICTS and not own:
        return [{_VERDICTS[name]: None}]
    if name == "mark":
        return _set_mark({option: value for option, value, _ in own})
    if name == "snat" and {option for option, _, _ in own} <= {"--to-src", "--snat-target"}:
        values = {option: value for option, value, _ in own}
        change = {"mangle": {"key": _payload("ether", "saddr"), "value": values.get("--to-src", "")}}
        return [change, _verdict(values.get("--snat-target", "ACCEPT"))]
    return [_unknown_target(name)] if own else [{"jump": {"target": name}}]


def _set_mark(values: dict[str, str]) -> list[object]:
    target = values.pop("--mark-target", "ACCEPT")
    if len(values) != 1 or not set(values) <= set(_MARKS):
        return [_unknown_target("mark")]
    ((option, value),) = values.items()
    operator = _MARKS[option]
    number = int(value, 0)
    new: object = number if operator is None else {operator: [_meta("mark"), number]}
    return [{"mangle": {"key": _meta("mark"), "value": new}}, _verdict(target)]


def _verdict(name: str) -> object:
    return {_VERDICTS[name]: None} if name in _VERDICTS else _unknown_target(name)
