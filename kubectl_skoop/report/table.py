"""`-o table` and `-o wide`: the answer first, then why, then the packet's way, then the rest by weight."""

from collections.abc import Iterable, Iterator, Sequence

from kubectl_skoop.diagnosis.result import Check, Diagnosis, Ending, Missing
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.share import percent
from kubectl_skoop.report.style import Style
from kubectl_skoop.report.way import Detail, way_lines

SHOWN_FINDINGS = 10
"""Other findings in `table`; `wide` shows all."""


def diagnosis_text(diagnosis: Diagnosis, style: Style, *, wide: bool = False, trace: bool = False) -> str:
    return "\n".join(_diagnosis(diagnosis, style, wide, Detail(arp=wide, trace=trace))) + "\n"


def _diagnosis(diagnosis: Diagnosis, style: Style, wide: bool, detail: Detail) -> Iterator[str]:
    yield style.verdict(diagnosis.verdict, safe(diagnosis.headline))
    if diagnosis.cause:
        yield from _block("Cause", finding_lines(diagnosis.cause, style), style)
    elif diagnosis.symptom and diagnosis.verdict != "reachable":
        yield from _block("Symptom", [safe(diagnosis.symptom)], style)
    if len(diagnosis.branches) > 1:
        yield from _block("Branches", _branches(diagnosis.branches, wide), style)
    yield from ("", style.heading("Way"), *way_lines(diagnosis.path, style, detail))
    if diagnosis.reply:
        yield from ("", style.heading("Way back"), *way_lines(diagnosis.reply, style, detail))
    others = [finding for finding in diagnosis.suspicions if finding != diagnosis.cause]
    yield from _findings("Other findings", others, style, wide)
    if wide and diagnosis.facts:
        facts = [safe(f"{fact.name}: {fact.value} (from {fact.source})") for fact in diagnosis.facts]
        yield from _block("Facts", facts, style)
    if diagnosis.assumptions:
        yield from _block("Assumed", map(safe, diagnosis.assumptions), style)
    yield from _missing(diagnosis.missing, style)


def check_text(check: Check, style: Style, *, wide: bool = False) -> str:
    """Every finding is shown: they are what was asked for."""
    return "\n".join(_check(check, style, wide)) + "\n"


def _check(check: Check, style: Style, wide: bool) -> Iterator[str]:
    yield style.heading(summary(check.suspicions))
    for finding in check.suspicions:
        yield from ("", *finding_lines(finding, style))
    if wide and check.facts:
        facts = [safe(f"{fact.name}: {fact.value} (from {fact.source})") for fact in check.facts]
        yield from _block("Facts", facts, style)
    yield from _missing(check.missing, style)


def summary(findings: Sequence[Suspicion]) -> str:
    """`findings: 1 critical, 2 warning`, or `nothing found`."""
    counts = {level: sum(finding.level is level for finding in findings) for level in reversed(Level)}
    text = ", ".join(f"{count} {level.name.lower()}" for level, count in counts.items() if count)
    return f"findings: {text}" if text else "nothing found"


def _block(heading: str, lines: Iterable[str], style: Style) -> Iterator[str]:
    yield from ("", style.heading(heading))
    yield from (f"  {line}" for line in lines)


def finding_lines(finding: Suspicion, style: Style) -> Iterator[str]:
    """Level, place and message; below them the evidence, the remedy and the code."""
    level = style.level(finding.level, f"{finding.level.name.lower():8}")
    yield f"{level}  {safe(str(finding.where))}: {safe(finding.message)}"
    for line in finding.evidence:
        yield f"          {safe(line)}"
    if finding.remedy:
        yield f"          mend: {safe(finding.remedy)}"
    yield style.quiet(f"          code: {safe(finding.code)}")


def _findings(heading: str, findings: Sequence[Suspicion], style: Style, wide: bool) -> Iterator[str]:
    if not findings:
        return
    shown = findings if wide else findings[:SHOWN_FINDINGS]
    yield from _block(heading, (line for finding in shown for line in finding_lines(finding, style)), style)
    if len(shown) < len(findings):
        yield f"  and {len(findings) - len(shown)} more (-o wide)"


def _branches(branches: Sequence[Ending], wide: bool) -> Iterator[str]:
    """Each with its share and its end; the random decisions that lead there are long, and for `wide`."""
    for branch in branches:
        at = f"at {branch.path.nodes[-1].place}" if branch.path.nodes else ""
        because = f": {branch.cause.message}" if branch.cause else ""
        yield safe(f"{percent(branch.share):>6}  {branch.fate:8} {at}, {branch.symptom}{because}")
        if wide:
            yield from (safe(f"        chosen: {choice}") for choice in branch.choices)


def _missing(gaps: Sequence[Missing], style: Style) -> Iterator[str]:
    if gaps:
        lines = (f"{gap.what}: {gap.state}" + (f" ({gap.reason})" if gap.reason else "") for gap in gaps)
        yield from _block("Missing data", map(safe, lines), style)
