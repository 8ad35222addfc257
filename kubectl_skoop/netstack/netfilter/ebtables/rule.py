"""One rule of ebtables, said in the expressions of nft, which ask the same of a frame (ebtables.c, ebt_*.c).

An option that is not known becomes a match or target that nobody models: then the rule is unknown.
"""

import shlex
from collections.abc import Sequence

from kubectl_skoop.netstack.netfilter.saved_link_rule import (
    Build,
    address,
    compare,
    device,
    mac,
    meta,
    options,
    payload,
    unknown,
    unknown_target,
)

_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "CONTINUE": "continue", "RETURN": "return"}
_PROTOCOLS = {"IPv4": "ip", "IPv6": "ip6", "ARP": "arp", "802_1Q": "vlan"}
_PACKET_TYPES = {"otherhost": "other", "host": "host", "broadcast": "broadcast", "multicast": "multicast"}
_MARKS = {"--mark-set": None, "--mark-or": "|", "--mark-and": "&", "--mark-xor": "^"}


def expressions(text: str) -> list[object]:
    """The JSON of `-A CHAIN …`. Raises: ValueError."""
    given = list(options(shlex.split(text)[2:]))
    target = next((position for position, (name, _, _) in enumerate(given) if name == "-j"), len(given))
    matches = [_match(name, value, negated) for name, value, negated in given[:target]]
    return [*matches, *_target(given[target:])]


def _match(name: str, value: str, negated: bool) -> object:
    build = _MATCHES.get(name)
    return unknown(name) if build is None else build(value, "!=" if negated else "==")


def _port(field: str) -> Build:
    def build(value: str, operator: str) -> object:
        low, colon, high = value.partition(":")
        right = {"range": [int(low or 0), int(high or 65535)]} if colon else int(value)
        return compare(payload("th", field), operator, right)

    return build


def _protocol(value: str, operator: str) -> object:
    if value == "LENGTH":
        return unknown("-p LENGTH")
    return compare(payload("ether", "type"), operator, _PROTOCOLS.get(value, value))


def _packet_type(value: str, operator: str) -> object:
    if value not in _PACKET_TYPES:
        return unknown(f"--pkttype-type {value}")
    return compare(meta("pkttype"), operator, _PACKET_TYPES[value])


def _mark(value: str, operator: str) -> object:
    mark, _, mask = value.partition("/")
    left = {"&": [meta("mark"), int(mask, 0)]} if mask else meta("mark")
    return compare(left, operator, int(mark, 0))


def _l4(value: str, operator: str) -> object:
    return compare(meta("l4proto"), operator, value)


_MATCHES: dict[str, Build] = {
    "-p": _protocol,
    "-s": mac("ether", "saddr"),
    "-d": mac("ether", "daddr"),
    "-i": device("iifname"),
    "-o": device("oifname"),
    "--logical-in": device("ibrname"),
    "--logical-out": device("obrname"),
    "--ip-src": address("ip", "saddr"),
    "--ip-dst": address("ip", "daddr"),
    "--ip-proto": _l4,
    "--ip-sport": _port("sport"),
    "--ip-dport": _port("dport"),
    "--ip6-src": address("ip6", "saddr"),
    "--ip6-dst": address("ip6", "daddr"),
    "--ip6-proto": _l4,
    "--ip6-sport": _port("sport"),
    "--ip6-dport": _port("dport"),
    "--arp-op": lambda value, operator: compare(payload("arp", "operation"), operator, value.lower()),
    "--arp-ip-src": address("arp", "saddr ip"),
    "--arp-ip-dst": address("arp", "daddr ip"),
    "--arp-mac-src": mac("arp", "saddr ether"),
    "--arp-mac-dst": mac("arp", "daddr ether"),
    "--pkttype-type": _packet_type,
    "--vlan-id": lambda value, operator: compare(payload("vlan", "id"), operator, int(value)),
    "--mark": _mark,
    "--limit": lambda value, operator: {"limit": {"rate": 1, "per": "second"}},
    "--limit-burst": lambda value, operator: {"counter": None},
}
"""`--limit-burst` belongs to `--limit`, and decides nothing for one packet."""


def _target(given: Sequence[tuple[str, str, bool]]) -> list[object]:
    if not given:
        return []
    (_, name, _), *own = given
    if name in _VERDICTS and not own:
        return [{_VERDICTS[name]: None}]
    if name == "mark":
        return _set_mark({option: value for option, value, _ in own})
    if name == "snat" and {option for option, _, _ in own} <= {"--to-src", "--snat-target"}:
        values = {option: value for option, value, _ in own}
        change = {"mangle": {"key": payload("ether", "saddr"), "value": values.get("--to-src", "")}}
        return [change, _verdict(values.get("--snat-target", "ACCEPT"))]
    return [unknown_target(name)] if own else [{"jump": {"target": name}}]


def _set_mark(values: dict[str, str]) -> list[object]:
    target = values.pop("--mark-target", "ACCEPT")
    if len(values) != 1 or not set(values) <= set(_MARKS):
        return [unknown_target("mark")]
    ((option, value),) = values.items()
    operator = _MARKS[option]
    number = int(value, 0)
    new: object = number if operator is None else {operator: [meta("mark"), number]}
    return [{"mangle": {"key": meta("mark"), "value": new}}, _verdict(target)]


def _verdict(name: str) -> object:
    return {_VERDICTS[name]: None} if name in _VERDICTS else unknown_target(name)
