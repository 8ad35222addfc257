"""Which rule a printed line of netfilter's tables is: its table, chain and position."""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_HEADING = re.compile(r"# (ip6?|arp)tables(?:-(nft|legacy))?")
_COUNTERS = re.compile(r"^\[\d+:\d+\] ")
_HANDLE = re.compile(r" # handle \d+$")


class RulePlace(NamedTuple):
    """A rule, or a chain's policy, as `Where` has it."""

    table: str
    chain: str
    number: int
    """From 1; 0: the policy."""


class RuleLine(NamedTuple):
    at: int
    """Position of the line, from 0."""
    tool: str
    """As `Trace.tool`: iptables-nft, iptables-legacy, nft."""
    family: int
    """4 or 6; 0: both, or another."""
    place: RulePlace


def iptables_lines(lines: Sequence[str]) -> Iterator[RuleLine]:
    """Of what `iptables-save` prints, under headings that name the tool."""
    tool, family, table = "", 0, ""
    numbers: dict[str, int] = {}
    for at, line in enumerate(lines):
        if heading := _HEADING.fullmatch(line):
            tool = f"iptables-{heading.group(2) or 'legacy'}"
            family = {"ip": 4, "ip6": 6}.get(heading.group(1), 0)
        elif line.startswith("*"):
            table, numbers = line[1:], {}
        elif line.startswith(":"):
            yield RuleLine(at, tool, family, RulePlace(table, line[1:].partition(" ")[0], 0))
        else:
            words = _COUNTERS.sub("", line).split(" ", 2)
            if len(words) > 1 and words[0] == "-A":
                numbers[words[1]] = numbers.get(words[1], 0) + 1
                yield RuleLine(at, tool, family, RulePlace(table, words[1], numbers[words[1]]))


def nftables_lines(lines: Sequence[str]) -> Iterator[RuleLine]:
    """Of what `nft -a list ruleset` prints."""
    family, table, chain, number = 0, "", "", 0
    for at, line in enumerate(lines):
        match line.split():
            case ["table", kind, table, "{"]:
                family = {"ip": 4, "ip6": 6}.get(kind, 0)
            case ["chain", chain, "{"]:
                number = 0
            case ["type", _, "hook", *_]:
                yield RuleLine(at, "nft", family, RulePlace(table, chain, 0))
            case _ if _HANDLE.search(line):
                number += 1
                yield RuleLine(at, "nft", family, RulePlace(table, chain, number))
