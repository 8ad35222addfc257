"""One rule of Felix's chains, read for what it makes of a new connection (felix/iptables/match_builder.go).

Only what Felix writes for policies is understood; a rule with anything else says that it was not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, NamedTuple

from kubectl_skoop.cluster.policy.address import block
from kubectl_skoop.cluster.policy.interval import EMPTY, Intervals, intersect, subtract, union
from kubectl_skoop.cluster.policy.port import EVERY, NUMBERS, ports
from kubectl_skoop.diagnosis.services.iptables_rule import COMMENT, KEPT

End = Literal["src", "dst"]
_PROTOCOLS = {**{name.lower(): number for name, number in NUMBERS.items()}, "ipencap": 4, "ipv6-icmp": 58}
_ECHO = {"--icmp-type": (1, "8"), "--icmpv6-type": (58, "128")}
"""A question about ICMP is about a new echo: a rule for another type does not match it."""
_WITHOUT_MEANING = frozenset(
    ("--reject-with", "--nflog-group", "--nflog-prefix", "--log-prefix", "--log-level")
)
_PASSED_BY = frozenset(("", "LOG", "NFLOG"))
_ENCAPSULATED = "encapped packets originating in workloads"
"""Of rules of Felix's own: they come of no policy."""


class Marked(NamedTuple):
    """`-m mark [!] --mark value/mask`."""

    value: int
    mask: int
    negated: bool

    def fits(self, mark: int) -> bool:
        return (mark & self.mask == self.value) != self.negated


class Held(NamedTuple):
    """An end of the packet, held against a block or a set."""

    end: End
    block: Intervals
    name: str
    """Of the set; empty: the block."""
    negated: bool


@dataclass(slots=True, kw_only=True)
class FelixRule:
    text: str
    ports: Intervals = EVERY
    held: tuple[Held, ...] = ()
    named: str = ""
    """The set of addresses with ports that the destination is held against."""
    marks: tuple[Marked, ...] = ()
    target: str = ""
    returns: bool = False
    """The chain that it goes to returns to where this one was called."""
    mark: tuple[int, int] = (0, 0)
    """Value and mask, of --set-xmark."""
    never: bool = False
    unread: bool = False

    @property
    def of_felix(self) -> bool:
        return _ENCAPSULATED in self.text

    @property
    def passed_by(self) -> bool:
        """It decides nothing."""
        return self.target in _PASSED_BY


@lru_cache(maxsize=KEPT)
def read_rule(text: str) -> FelixRule:
    """`text`: as iptables-save prints it, without counters. No rule is changed afterwards."""
    rule = FelixRule(text=text)
    given = COMMENT.sub("", text).split()
    try:
        _read(rule, given[2:])
    except (ValueError, IndexError):
        rule.unread = True
    return rule


def _read(rule: FelixRule, given: Sequence[str]) -> None:
    """Raises: ValueError, IndexError: something else."""
    left, negated = list(given), False
    while left:
        option = left.pop(0)
        if option == "!":
            negated = True
            continue
        value = left.pop(0)
        match option:
            case "-m" if not negated:
                pass
            case "-p":
                row = EVERY if value == "all" else ports(_PROTOCOLS.get(value) or int(value))
                rule.ports = _narrowed(rule.ports, row, negated)
            case "--dports" | "--dport":
                rule.ports = _narrowed(rule.ports, _same_row(rule.ports, value), negated)
            case "-s" | "-d":
                end: End = "src" if option == "-s" else "dst"
                rule.held = (*rule.held, Held(end, block(value), "", negated))
            case "--match-set":
                _match_set(rule, value, left.pop(0), negated)
            case "--mark":
                wanted, _, mask = value.partition("/")
                rule.marks = (*rule.marks, Marked(int(wanted, 0), int(mask or "0xffffffff", 0), negated))
            case "--set-xmark" if not negated:
                wanted, _, mask = value.partition("/")
                rule.mark = int(wanted, 0), int(mask or "0xffffffff", 0)
            case "--ctstate":
                rule.never |= ("NEW" in value.split(",")) == negated
            case "--icmp-type" | "--icmpv6-type" if not negated:
                number, echo = _ECHO[option]
                fits = value in (echo, f"{echo}/0")
                rule.ports = intersect(rule.ports, ports(number)) if fits else EMPTY
            case "-j" | "-g" if not negated:
                rule.target, rule.returns = value, option == "-g"
            case _ if option in _WITHOUT_MEANING and not negated:
                pass
            case _:
                raise ValueError(option)
        negated = False


def _match_set(rule: FelixRule, name: str, ends: str, negated: bool) -> None:
    """Raises: ValueError."""
    match ends:
        case "src" | "dst":
            rule.held = (*rule.held, Held(ends, EMPTY, name, negated))
        case "dst,dst" if not negated and not rule.named:
            rule.named = name
        case _:
            raise ValueError(ends)


def _narrowed(known: Intervals, part: Intervals, negated: bool) -> Intervals:
    return subtract(known, part) if negated else intersect(known, part)


def _same_row(known: Intervals, written: str) -> Intervals:
    """Ports of the protocol that was named before them. Raises: ValueError."""
    ((first, last),) = known
    number = first >> 16
    if last >> 16 != number:
        raise ValueError("ports without a protocol")
    found: list[tuple[int, int]] = []
    for part in written.split(","):
        low, _, high = part.partition(":")
        found += ports(number, int(low), int(high or low))
    return union(found)
