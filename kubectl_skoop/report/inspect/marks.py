"""Which lines of a printed table a packet met, and which are to blame."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.model.trace import Trace
from kubectl_skoop.report.inspect.rule_lines import RulePlace, iptables_lines, nftables_lines

Weight = Literal["passed", "decided", "found", "cause"]
_WEIGHTS: tuple[Weight, ...] = ("passed", "decided", "found", "cause")
_RULES = {"iptables": iptables_lines, "nftables": nftables_lines}
_TABLES: Mapping[str, str] = {
    "route": "routes",
    "neighbour": "neighbours",
    "bridge": "fdb",
    "device": "links",
    "send": "links",
    "tunnel": "links",
    "socket": "sockets",
}
_DEVIATIONS: Mapping[str, str] = {
    "route": "routes",
    "rule": "rules",
    "neighbour": "neighbours",
    "fdb": "fdb",
    "device": "links",
    "address": "links",
    "sysctl": "sysctls",
}
"""By the table in a deviation's code."""
_DEVICE = re.compile(r"\d+: ([^:@]+)[:@]")
_SOCKET = re.compile(r"(LISTEN|UNCONN) (\S+)")


class Mark(NamedTuple):
    """Why a line matters."""

    weight: Weight
    """`passed`: the packet met it and went on to a next rule; `decided`: it did something to the packet;
    `found`: `check` found something wrong with it."""
    note: str
    """What came of it: `accept`, `forwarded by eth0`, a finding's message."""


class Met(NamedTuple):
    """What a packet met at one place."""

    steps: Sequence[Trace]
    causes: Sequence[Suspicion]
    families: Collection[int]
    """Of the packets that came by, 4 and 6: IPv4's and IPv6's rules bear the same names."""


def table_of(step: Trace) -> str:
    """The table of `inspect` that a step was read from; empty: none."""
    if step.kind in ("rule", "policy"):
        return "nftables" if step.tool == "nft" else "iptables"
    return _TABLES.get(step.kind, "")


def table_of_finding(finding: Suspicion) -> str:
    """The table of `inspect` that a finding's place is in; empty: it names none."""
    where = finding.where
    _, _, deviation = finding.code.rpartition(".")[0].rpartition(".")
    if deviation in _DEVIATIONS and finding.code.count(".") >= 2:
        return _DEVIATIONS[deviation]
    if where.chain:
        return "iptables" if any(line.startswith("-") for line in finding.evidence) else "nftables"
    if where.table:
        return "routes"
    return "links" if where.device else ""


def marks(what: str, lines: Sequence[str], met: Met) -> dict[int, Mark]:
    """By position of the line, from 0; of several reasons the weightiest."""
    found: dict[int, Mark] = {}
    for at, mark in (_in_rules if what in _RULES else _in_entries)(what, lines, met):
        if at not in found or _WEIGHTS.index(mark.weight) > _WEIGHTS.index(found[at].weight):
            found[at] = mark
    return found


def _in_rules(what: str, lines: Sequence[str], met: Met) -> Iterator[tuple[int, Mark]]:
    steps = {(step.tool, _place(step.where)): step for step in met.steps if table_of(step) == what}
    causes = {_place(finding.where): finding for finding in met.causes if table_of_finding(finding) == what}
    for line in _RULES[what](lines):
        if line.family and line.family not in met.families:
            continue
        step = steps.get((line.tool, line.place))
        if step:
            yield line.at, Mark("decided" if _decides(step) else "passed", step.effect)
        finding = causes.get(line.place)
        if finding and (step or any(evidence in lines[line.at] for evidence in finding.evidence)):
            yield line.at, Mark("cause", finding.message)


def _in_entries(what: str, lines: Sequence[str], met: Met) -> Iterator[tuple[int, Mark]]:
    steps = [step for step in met.steps if table_of(step) == what]
    for at, line in enumerate(lines):
        for step in steps:
            if names_entry(what, line, step.text, step.where.device):
                yield at, Mark("decided", step.effect or step.text)
        for finding in met.causes:
            if any(names_entry(what, line, text, finding.where.device) for text in ("", *finding.evidence)):
                yield at, Mark("cause", finding.message)


def names_entry(what: str, line: str, text: str, device: str) -> bool:
    """The entry that a step or finding tells of; the tables may say more of it behind that."""
    if what == "links":
        head = _DEVICE.match(line)
        return head is not None and head.group(1) == device
    if what == "sockets" and (socket := _SOCKET.match(text)):
        cells = line.split()
        return len(cells) > 4 and cells[1] == socket.group(1) and cells[4] == socket.group(2)
    return bool(text) and (line == text or line.startswith(f"{text} "))


def _decides(step: Trace) -> bool:
    return not step.effect.startswith(("jump", "goto", "return", "continue"))


def _place(where: Where) -> RulePlace:
    return RulePlace(where.table, where.chain, where.rule)
