"""`-o table` and `-o wide`: the answer first, then why, then the packet's way, then the rest by weight."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from kubectl_skoop.diagnosis.result import Check, Diagnosis, Ending, Fact, Missing
from kubectl_skoop.model.share import percent
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.report.branches import branches_of
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.style import Style
from kubectl_skoop.report.way import Detail, way_lines

SHOWN_FINDINGS = 10
"""Other findings in `table`; `wide` shows all."""
INDENT = 2
"""Columns of what stands below a heading."""
LEVEL = 10
"""Columns of a finding's level."""


def diagnosis_text(diagnosis: Diagnosis, style: Style, *, wide: bool = False, trace: bool = False) -> str:
    return "\n".join(_diagnosis(diagnosis, style, wide, Detail(arp=wide, trace=trace))) + "\n"


def _diagnosis(diagnosis: Diagnosis, style: Style, wide: bool, detail: Detail) -> Iterator[str]:
    inner = style.indented(INDENT)
    yield from style.lines(
        safe(diagnosis.headline), paint=lambda text: style.verdict(diagnosis.verdict, text)
    )
    if diagnosis.cause:
        yield from _block("Cause", finding_lines(diagnosis.cause, inner), style)
    elif diagnosis.symptom and diagnosis.verdict != "reachable":
        yield from _block("Symptom", inner.lines(safe(diagnosis.symptom)), style)
    if len(diagnosis.branches) > 1:
        yield from _block("Branches", _branches(diagnosis.branches, inner, wide), style)
    if diagnosis.path.nodes:
        yield from ("", style.heading("Way"), *way_lines(diagnosis.path, style, detail))
    if diagnosis.reply:
        yield from ("", style.heading("Way back"), *way_lines(diagnosis.reply, style, detail))
    others = [finding for finding in diagnosis.suspicions if finding != diagnosis.cause]
    if others:
        yield from _block("Other findings", _others(others, inner, wide), style)
    if wide and diagnosis.facts:
        yield from _block("Facts", _facts(diagnosis.facts, inner), style)
    if diagnosis.assumptions:
        yield from _block("Assumed", _each(diagnosis.assumptions, inner), style)
    yield from _missing(diagnosis.missing, style)


def check_text(check: Check, style: Style, *, wide: bool = False) -> str:
    """Every finding is shown: they are what was asked for."""
    return "\n".join(_check(check, style, wide)) + "\n"


def _check(check: Check, style: Style, wide: bool) -> Iterator[str]:
    yield style.heading(summary(check.suspicions))
    for finding in check.suspicions:
        yield from ("", *finding_lines(finding, style))
    if wide and check.facts:
        yield from _block("Facts", _facts(check.facts, style.indented(INDENT)), style)
    yield from _missing(check.missing, style)


def summary(findings: Sequence[Suspicion]) -> str:
    """`findings: 1 critical, 2 warning`, or `nothing found`."""
    return f"findings: {_counts(findings)}" if findings else "nothing found"


def _counts(findings: Iterable[Suspicion]) -> str:
    counts = Counter(finding.level for finding in findings)
    return ", ".join(f"{counts[level]} {level.name.lower()}" for level in reversed(Level) if counts[level])


def _block(heading: str, lines: Iterable[str], style: Style) -> Iterator[str]:
    yield from ("", style.heading(heading))
    yield from (" " * INDENT + line for line in lines)


def finding_lines(finding: Suspicion, style: Style) -> Iterator[str]:
    """Level, place and message; below them the evidence, the remedy and the code."""
    yield from _head(finding, style)
    for line in finding.evidence:
        yield from style.lines(safe(line), " " * LEVEL, hang=LEVEL + 2)
    yield from _tail(finding, style)


def _head(finding: Suspicion, style: Style) -> Iterator[str]:
    level = finding.level.name.lower()
    yield from style.lines(
        safe(f"{finding.where}: {finding.message}"),
        f"{level:8}  ",
        mark=lambda text: style.level(finding.level, text[:8]) + text[8:],
    )


def _tail(finding: Suspicion, style: Style) -> Iterator[str]:
    if finding.remedy:
        yield from style.lines(safe(finding.remedy), f"{'':{LEVEL}}mend: ", hang=LEVEL + 2)
    yield style.quiet(f"{'':{LEVEL}}code: {safe(finding.code)}")


def _others(findings: Sequence[Suspicion], style: Style, wide: bool) -> Iterator[str]:
    """Worst first; folded by weight, unless it is `wide`: the lighter, the fewer lines."""
    shown = findings if wide else findings[:SHOWN_FINDINGS]
    for finding in shown:
        if wide or finding.level >= Level.CRITICAL:
            yield from finding_lines(finding, style)
        elif finding.level is Level.WARNING:
            yield from _head(finding, style)
            yield from _tail(finding, style)
        else:
            yield from _head(finding, style)
    left = findings[len(shown) :]
    if left:
        yield f"and {len(left)} more (-o wide): {_counts(left)}"


def _facts(facts: Iterable[Fact], style: Style) -> Iterator[str]:
    return _each((f"{fact.name}: {fact.value} (from {fact.source})" for fact in facts), style)


def _each(texts: Iterable[str], style: Style) -> Iterator[str]:
    for text in texts:
        yield from style.lines(safe(text), hang=INDENT)


def _branches(branches: Sequence[Ending], style: Style, wide: bool) -> Iterator[str]:
    """Each with its share and its end; the random decisions that lead there are long, and for `wide`."""
    for branch in branches_of(branches, each=wide):
        because = f": {branch.because}" if branch.because else ""
        yield from style.lines(
            safe(f"{branch.end}{because}"), f"{percent(branch.share):>6}  {branch.fate:8} "
        )
        if wide:
            for choice in branch.choices:
                yield from style.lines(safe(f"chosen: {choice}"), " " * 8)


def _missing(gaps: Sequence[Missing], style: Style) -> Iterator[str]:
    if gaps:
        texts = map(str, gaps)
        yield from _block("Missing data", _each(texts, style.indented(INDENT)), style)
