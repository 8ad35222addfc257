"""Rules of kube-proxy's iptables and ipvs modes, read for what they say of a new connection.

Thousands of them are compared, so only the few options that kube-proxy writes are understood here; a rule
with any other one says that it could not be read.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.diagnosis.services.door import Door, Target
from kubectl_skoop.diagnosis.services.walk import Recall, Way, WayKind

MARK_MASQ, MARK_DROP = "KUBE-MARK-MASQ", "KUBE-MARK-DROP"
KEPT = 65536
"""Rules of which one thing is remembered for the next node: about those of 10,000 services."""
READ = 4096
"""Rules, and chains, that are not read anew for the next node: what all services share, and what differs."""

COMMENT = re.compile(r"-m comment --comment (?:\"(?:[^\"\\]|\\.)*\"|\S+) ?")
USUAL = re.compile(
    r"-A \S+(?: (! )?-s (\S+))?(?: -d ([^\s!]+))?(?: -p (\w+))?"
    r"(?: -m comment --comment (?:\"[^\"\\]*\"|[^\s\"]+))?"
    r"(?: -m (?:tcp|udp|sctp))?(?: --dport (\d{1,5}))?"
    r"(?: -m statistic --mode random --probability ([01]\.\d{1,20}))?"
    r" -j (\S+)(?: --to-destination (\S+))?"
)
"""All of a rule in the form of nearly all: 10,000 services have more than 60,000 of them."""
_PROBABILITY = re.compile(r"[01]\.\d{1,20}")
_PORT = re.compile(r"[0-9]{1,5}")
_WITHOUT_MEANING = frozenset(
    ("--mode", "--nfacct-name", "--reject-with", "--mask", "--set-xmark", "--set-mark", "--or-mark")
)
"""Options with one value that decide nothing here."""
_FLAGS = frozenset(("--reap", "--rsource", "--random", "--random-fully", "--persistent"))
_ENDS: Mapping[str, WayKind] = {
    "DNAT": "dnat",
    "ACCEPT": "accept",
    "DROP": "drop",
    "REJECT": "drop",
    MARK_DROP: "drop",
    "RETURN": "return",
    **dict.fromkeys(("", "MARK", "LOG", "CONNMARK"), "on"),
}
"""What becomes of a packet by the target; others are chains."""


class SetMatch(NamedTuple):
    """`-m set --match-set NAME FLAGS`."""

    name: str
    fields: str
    """`dst,dst`: which end of the packet each part of a member is held against."""
    negated: bool


@dataclass(slots=True, kw_only=True)
class IptablesRule:
    """One rule, as far as it matters to a new connection."""

    text: str
    target: str = ""
    source: str = ""
    destination: str = ""
    """For `covers`."""
    protocol: str = ""
    port: int = 0
    to_local: bool = False
    """The destination must be an address of the node."""
    never: bool = False
    probability: float = 1.0
    dnat: Target | None = None
    sets: tuple[SetMatch, ...] = ()
    recall: Recall | None = None
    remembers: str = ""
    unread: bool = False
    marks: bool = False
    """It is to `MARK_MASQ`."""
    _ways: tuple[Way, ...] = field(default=(), repr=False)

    @property
    def leads(self) -> str:
        """The chain that it jumps to; empty: none."""
        return self._ways[0].chain if self._ways else ""

    def ways(self, door: Door) -> Sequence[Way]:
        return self._ways


@dataclass(slots=True)
class _Recent:
    """The options of `-m recent`."""

    name: str = ""
    seconds: int = 0
    checks: bool = False
    sets: bool = False


@lru_cache(maxsize=READ)
def read_rule(text: str) -> IptablesRule:
    """`text`: as iptables-save prints it, without counters. Nodes have the same rules; no rule is changed."""
    usual = USUAL.fullmatch(text)
    return _of_parts(text, usual.groups("")) if usual else read_by_option(text)


def _of_parts(text: str, parts: Sequence[str]) -> IptablesRule:
    """`parts`: the groups of `USUAL`."""
    negated, source, destination, protocol, port, probability, target, to = parts
    rule = IptablesRule(
        text=text,
        target=target,
        source=f"!{source}" if negated else source,
        destination=destination,
        protocol=protocol,
        port=int(port) if port else 0,
        probability=float(probability) if probability else 1.0,
        marks=target == MARK_MASQ,
    )
    if to:
        rule.dnat = _target(to)
        rule.unread = rule.dnat is None
    rule._ways = (_way(rule),)
    return rule


def read_by_option(text: str) -> IptablesRule:
    """A rule in any form."""
    rule, recent = IptablesRule(text=text), _Recent()
    given = COMMENT.sub("", text).split()
    position, negated = 2, ""
    while position < len(given):
        option, value = given[position], given[position + 1] if position + 1 < len(given) else ""
        position += 2
        match option:
            case "!":
                negated, position = "!", position - 1
                continue
            case "-s":
                rule.source, negated = negated + value, ""
            case "-m" if not negated:
                pass
            case "-d":
                rule.destination, negated = negated + value, ""
            case "-p" if not negated:
                rule.protocol = value
            case "--dport" if not negated and value.isdecimal():
                rule.port = int(value)
            case "-j":
                rule.target = value
            case "--probability" if not negated and _PROBABILITY.fullmatch(value):
                rule.probability = float(value)
            case "--to-destination":
                rule.dnat = _target(value)
                rule.unread |= rule.dnat is None
            case "--dst-type" if value == "LOCAL" and not negated:
                rule.to_local = True
            case "--src-type" if value == "LOCAL":
                rule.never, negated = rule.never or not negated, ""
            case "--physdev-is-in":
                rule.never, negated, position = rule.never or not negated, "", position - 1
            case "--ctstate" if not negated:
                rule.never |= "NEW" not in value.split(",")
            case "--match-set":
                fields = given[position] if position < len(given) else ""
                rule.sets = (*rule.sets, SetMatch(value, fields, bool(negated)))
                negated, position = "", position + 1
            case "--rcheck" | "--set":
                recent.checks |= option == "--rcheck"
                recent.sets |= option == "--set"
                position -= 1
            case "--name":
                recent.name = value
            case "--seconds" if value.isdecimal():
                recent.seconds = int(value)
            case _ if option in _FLAGS:
                position -= 1
            case _ if option in _WITHOUT_MEANING:
                pass
            case _:
                rule.unread = True
                return rule
        if negated:
            rule.unread = True
            return rule
    _finish(rule, recent)
    return rule


def _finish(rule: IptablesRule, recent: _Recent) -> None:
    if recent.checks:
        rule.recall = Recall(recent.name, recent.seconds, rule.target)
    elif recent.sets:
        rule.remembers = recent.name
    rule.marks = rule.target == MARK_MASQ
    rule._ways = (_way(rule),)


def _way(rule: IptablesRule) -> Way:
    kind = _ENDS.get(rule.target, "jump")
    return Way(rule.probability, kind, rule.target if kind == "jump" else "", rule.dnat)


@lru_cache(maxsize=KEPT)
def _target(written: str) -> Target | None:
    host, _, port = written.rpartition(":")
    address = parse_address(host.strip("[]"))
    return Target(address, int(port)) if address is not None and _PORT.fullmatch(port) else None
