"""Which lines of a printed table the findings of `check` are about."""

import re
from collections.abc import Sequence

from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.report.inspect.marks import Mark, names_entry, table_of_finding

_FOUND = "found: "
"""Begins the evidence of a deviation that is there; the other begins with `wanted: `."""
_REMARK = re.compile(r" \([^()]*\)$")


def table_with(finding: Suspicion) -> str:
    """The table of `inspect` to look at for a finding of `check`; empty: none is."""
    if any(line.startswith("-A ") for line in finding.evidence):
        return "iptables"
    if finding.code.startswith("conntrack."):
        return "conntrack"
    return table_of_finding(finding)


def entries_of(finding: Suspicion) -> tuple[str, ...]:
    """What its evidence says that is there, as the table prints it."""
    deviation = any(line.startswith(_FOUND) for line in finding.evidence)
    told = [
        line.removeprefix(_FOUND) for line in finding.evidence if line.startswith(_FOUND) or not deviation
    ]
    return tuple(_REMARK.sub("", line.partition(" → ")[0]) for line in told)


def found_marks(what: str, lines: Sequence[str], findings: Sequence[Suspicion]) -> dict[int, Mark]:
    """By position of the line, from 0. Of rules that lead to each other the last one is marked as wrong."""
    marks: dict[int, Mark] = {}
    for finding in findings:
        if table_with(finding) != what:
            continue
        at = [at for entry in entries_of(finding) for at in _lines(what, lines, entry, finding.where.device)]
        for line in at[:-1]:
            marks.setdefault(line, Mark("decided", finding.code))
        for line in at[-1:]:
            marks[line] = Mark("found", finding.message)
    return marks


def _lines(what: str, lines: Sequence[str], entry: str, device: str) -> list[int]:
    if what in ("iptables", "nftables", "conntrack"):
        return [at for at, line in enumerate(lines) if entry and _holds(line, entry)]
    return [at for at, line in enumerate(lines) if names_entry(what, line, entry, device)]


def _holds(line: str, entry: str) -> bool:
    """A rule's line has counters before it; nft's has a handle behind it, an entry of conntrack has more."""
    before, found, behind = line.partition(entry)
    rule = entry.startswith("-A ")
    return bool(found) and before[-1:] in ("", " ", "\t") and (not behind or (behind[0] == " " and not rule))
