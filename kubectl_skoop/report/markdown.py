"""`-o markdown`: for a ticket. What a cluster gave cannot become markup, a link or a mention."""

import re
from collections.abc import Iterable, Iterator, Sequence

from kubectl_skoop.diagnosis.result import Check, Diagnosis, Missing
from kubectl_skoop.model.share import percent
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.report.branches import Branch, branches_of
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.question import question
from kubectl_skoop.report.style import Style
from kubectl_skoop.report.table import SHOWN_FINDINGS, summary
from kubectl_skoop.report.way import Detail, way_lines

_PLAIN = re.compile(r"[A-Za-z0-9.,:;/()%'=+?-]+")
_LINKED = re.compile(r"://|www\.", re.IGNORECASE)
"""What some renderers make a link of, without any markup."""


def diagnosis_markdown(diagnosis: Diagnosis, *, trace: bool = False) -> str:
    return "\n".join(_diagnosis(diagnosis, Detail(trace=trace))) + "\n"


def check_markdown(check: Check) -> str:
    return "\n".join(_check(check)) + "\n"


def _diagnosis(diagnosis: Diagnosis, detail: Detail) -> Iterator[str]:
    yield f"### {inline(question(diagnosis))}"
    yield from ("", f"**Answer:** {inline(diagnosis.headline)}")
    if diagnosis.cause:
        yield from ("", f"**Cause:** {_finding(diagnosis.cause)}", *_below(diagnosis.cause))
    if len(diagnosis.branches) > 1:
        yield from ("", "**Branches:**", "", *map(_branch, branches_of(diagnosis.branches)))
    if diagnosis.path.nodes:
        yield from ("", "**Way:**", "", *block(way_lines(diagnosis.path, Style(), detail)))
    if diagnosis.reply:
        yield from ("", "**Way back:**", "", *block(way_lines(diagnosis.reply, Style(), detail)))
    others = [finding for finding in diagnosis.suspicions if finding != diagnosis.cause]
    yield from _others(others)
    if diagnosis.assumptions:
        yield from ("", "**Assumed:**", "", *(f"- {inline(text)}" for text in diagnosis.assumptions))
    yield from _missing(diagnosis.missing)


def _check(check: Check) -> Iterator[str]:
    yield f"### {inline(summary(check.suspicions))}"
    for finding in check.suspicions:
        yield from ("", _finding(finding), *_below(finding))
    yield from _missing(check.missing)


def _finding(finding: Suspicion) -> str:
    level = finding.level.name.lower()
    return f"{level}, {inline(str(finding.where))}: {inline(finding.message)} ({code(finding.code)})"


def _below(finding: Suspicion) -> Iterator[str]:
    """Evidence and remedy."""
    if finding.evidence:
        yield from ("", *block(map(safe, finding.evidence)))
    if finding.remedy:
        yield from ("", f"**Mend:** {inline(finding.remedy)}")


def _branch(branch: Branch) -> str:
    space = "" if branch.end.startswith(",") else " "
    because = f": {inline(branch.because)}" if branch.because else ""
    return f"- {percent(branch.share)} {branch.fate}{space}{inline(branch.end)}{because}"


def _others(findings: Sequence[Suspicion]) -> Iterator[str]:
    if findings:
        yield from ("", "**Other findings:**", "")
        yield from (f"- {_finding(finding)}" for finding in findings[:SHOWN_FINDINGS])
    if len(findings) > SHOWN_FINDINGS:
        yield f"- and {len(findings) - SHOWN_FINDINGS} more"


def _missing(gaps: Sequence[Missing]) -> Iterator[str]:
    if gaps:
        yield from ("", "**Missing data:**", "")
    for gap in gaps:
        reason = f" ({inline(gap.reason)})" if gap.reason else ""
        yield f"- {inline(gap.what)}: {inline(gap.state)}{reason}"


def inline(text: str) -> str:
    """One line of prose. A word with signs that could mean something becomes a code span."""
    words = [word if not word or _is_plain(word) else code(word) for word in safe(text).split(" ")]
    return " ".join(words)


def _is_plain(word: str) -> bool:
    return bool(_PLAIN.fullmatch(word)) and not _LINKED.search(word)


def code(text: str) -> str:
    """A code span that the text cannot end."""
    shown = safe(text)
    if not shown.strip():
        return "` `" if shown else ""
    fence = "`" * (_longest_fence(shown) + 1)
    edge = " " if "`" in (shown[0], shown[-1]) or " " in (shown[0], shown[-1]) else ""
    return f"{fence}{edge}{shown}{edge}{fence}"


def block(lines: Iterable[str]) -> Iterator[str]:
    """A fenced code block that its lines cannot end."""
    kept = list(lines)
    fence = "`" * max(3, max(map(_longest_fence, kept), default=0) + 1)
    yield from (f"{fence}text", *kept, fence)


def _longest_fence(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)
