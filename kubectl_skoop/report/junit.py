"""`-o junit`: for CI. A failure where the exit code is 1, an error where it is 3."""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple
from xml.etree import ElementTree

from kubectl_skoop.diagnosis.result import Check, Diagnosis, Missing
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.question import question
from kubectl_skoop.report.style import Style
from kubectl_skoop.report.table import diagnosis_text, finding_lines


class _Case(NamedTuple):
    name: str
    outcome: Literal["", "failure", "error"]
    """Empty: passed."""
    kind: str
    message: str
    text: str


def diagnosis_junit(diagnosis: Diagnosis) -> str:
    """One test case: the question."""
    outcome: Literal["", "failure", "error"] = "failure"
    if diagnosis.verdict in ("reachable", "unknown"):
        outcome = "" if diagnosis.verdict == "reachable" else "error"
    case = _Case(
        name=question(diagnosis),
        outcome=outcome,
        kind=safe(diagnosis.cause.code) if diagnosis.cause else diagnosis.verdict,
        message=safe(diagnosis.headline),
        text=diagnosis_text(diagnosis, Style()),
    )
    return _text("diagnose", [case])


def check_junit(check: Check) -> str:
    """One test case for each code that was found, and one for the completeness of the data."""
    return _text("check", [*_by_code(check.suspicions), _complete(check.missing)])


def _by_code(findings: Iterable[Suspicion]) -> Iterator[_Case]:
    by_code: dict[str, list[Suspicion]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    for code, found in sorted(by_code.items()):
        worst = max(finding.level for finding in found)
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield _Case(
            name=safe(code),
            outcome="failure" if worst >= Level.WARNING else "",
            kind=worst.name.lower(),
            message=safe(f"{found[0].where}: {found[0].message}") + more,
            text="\n".join(line for finding in found for line in finding_lines(finding, Style())),
        )


def _complete(gaps: tuple[Missing, ...]) -> _Case:
    failed = [gap for gap in gaps if gap.state != "absent"]
    text = "\n".join(safe(f"{gap.what}: {gap.state} {gap.reason}".rstrip()) for gap in failed)
    return _Case(
        name="everything could be checked",
        outcome="error" if failed else "",
        kind="missing data",
        message=f"{len(failed)} gaps",
        text=text,
    )


def _text(command: str, cases: list[_Case]) -> str:
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.outcome == "failure" for case in cases)),
        "errors": str(sum(case.outcome == "error" for case in cases)),
    }
    root = ElementTree.Element("testsuites", {"name": "kubectl skoop", **counts})
    suite = ElementTree.SubElement(root, "testsuite", {"name": command, **counts, "skipped": "0"})
    for case in cases:
        element = ElementTree.SubElement(
            suite, "testcase", {"classname": f"skoop.{command}", "name": case.name}
        )
        if case.outcome:
            said = ElementTree.SubElement(element, case.outcome, {"type": case.kind, "message": case.message})
            said.text = case.text
        elif case.text:
            ElementTree.SubElement(element, "system-out").text = case.text
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"
