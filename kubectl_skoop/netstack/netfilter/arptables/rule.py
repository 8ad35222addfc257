"""One rule of arptables-legacy (arp_packet_match of net/ipv4/netfilter/arp_tables.c)."""

from collections.abc import Sequence

from kubectl_skoop.netstack.netfilter.saved_link_rule import (
    Build,
    address,
    compare,
    device,
    mac,
    options,
    payload,
    unknown,
    unknown_target,
)

_VERDICTS = {"ACCEPT": "accept", "DROP": "drop", "RETURN": "return", "CONTINUE": "continue"}
_ALL = {"--h-length": 6, "--h-type": 1, "--proto-type": 0x800}
"""What all ARP here has: Ethernet and IPv4."""


def expressions(text: str, chains: Sequence[str]) -> list[object]:
    """The JSON of `-A CHAIN …`; `chains` are those that a rule may jump to. Raises: ValueError."""
    given = list(options(text.split()[2:]))
    targets = [value for name, value, _ in given if name == "-j"]
    matches = [_match(*one) for one in given if one[0] != "-j"]
    return [*matches, *(_target(name, chains) for name in targets)]


def _match(name: str, value: str, negated: bool) -> object:
    if name in _ALL:
        return {"counter": None} if int(value, 0) == _ALL[name] and not negated else unknown(name)
    build = _MATCHES.get(name)
    return unknown(name) if build is None else build(value, "!=" if negated else "==")


def _opcode(value: str, operator: str) -> object:
    if not value.isdecimal():
        return unknown(f"--opcode {value}")
    return compare(payload("arp", "operation"), operator, int(value))


_MATCHES: dict[str, Build] = {
    "-s": address("arp", "saddr ip"),
    "-d": address("arp", "daddr ip"),
    "-i": device("iifname"),
    "-o": device("oifname"),
    "--src-mac": mac("arp", "saddr ether"),
    "--dst-mac": mac("arp", "daddr ether"),
    "--opcode": _opcode,
}


def _target(name: str, chains: Sequence[str]) -> object:
    if name in _VERDICTS:
        return {_VERDICTS[name]: None}
    return {"jump": {"target": name}} if name in chains else unknown_target(name)
