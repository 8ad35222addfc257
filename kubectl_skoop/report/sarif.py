"""`-o sarif`: findings for code scanning, as SARIF 2.1.0 (OASIS)."""

import hashlib
from collections.abc import Sequence
from urllib.parse import quote

from kubectl_skoop import __version__
from kubectl_skoop.diagnosis.result import Check, Diagnosis, Missing
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.explain import meaning, plain, section
from kubectl_skoop.report.fields import Fields
from kubectl_skoop.report.json import json_text

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
VERDICT = "verdict"
"""The rule of an answer that no finding explains."""
_LEVELS = {Level.FATAL: "error", Level.CRITICAL: "error", Level.WARNING: "warning", Level.INFO: "note"}


def diagnosis_sarif(diagnosis: Diagnosis) -> str:
    """Findings, the cause first; the answer itself where there is no cause."""
    findings = list(diagnosis.suspicions)
    if diagnosis.cause in findings:
        findings.remove(diagnosis.cause)
    first = [diagnosis.cause] if diagnosis.cause else _verdict(diagnosis)
    return json_text(_log([*first, *findings], diagnosis.missing, diagnosis.verdict != "unknown"))


def check_sarif(check: Check) -> str:
    complete = all(gap.state == "absent" for gap in check.missing)
    return json_text(_log(list(check.suspicions), check.missing, complete))


def _verdict(diagnosis: Diagnosis) -> list[Suspicion]:
    if diagnosis.verdict == "reachable":
        return []
    level = Level.WARNING if diagnosis.verdict == "unknown" else Level.FATAL
    return [Suspicion(code=VERDICT, level=level, where=Where(), message=diagnosis.headline)]


def _log(findings: Sequence[Suspicion], missing: Sequence[Missing], complete: bool) -> Fields:
    codes = {code: at for at, code in enumerate(dict.fromkeys(finding.code for finding in findings))}
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "kubectl-skoop",
                        "semanticVersion": __version__,
                        "rules": [_rule(code) for code in codes],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": complete,
                        "toolExecutionNotifications": [_gap(gap) for gap in missing],
                    }
                ],
                "columnKind": "unicodeCodePoints",
                "results": [_result(finding, codes[finding.code]) for finding in findings],
            }
        ],
    }


def _rule(code: str) -> Fields:
    told = "the answer, where no finding explains it" if code == VERDICT else meaning(code)
    rule: Fields = {"id": safe(code), "shortDescription": {"text": safe(told)}}
    text = section(code)
    return rule | ({"help": {"text": plain(text), "markdown": text}} if text else {})


def _result(finding: Suspicion, rule: int) -> Fields:
    where = safe(str(finding.where))
    said = [safe(finding.message), *map(safe, finding.evidence)]
    said += [f"mend: {safe(finding.remedy)}"] if finding.remedy else []
    return {
        "ruleId": safe(finding.code),
        "ruleIndex": rule,
        "level": _LEVELS[finding.level],
        "message": {"text": "\n".join(said)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(finding.where)},
                    "region": {"startLine": max(finding.where.rule, 1)},
                },
                "logicalLocations": [{"fullyQualifiedName": where, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"skoop/v1": _fingerprint(finding)},
    }


def _uri(where: Where) -> str:
    """A path that stands for a place, since findings are in no file: `node/n2/filter/FORWARD`."""
    place = (where.place.kind, *where.place.name.split("/")) if where.place else ("cluster",)
    parts = [*place, where.device, where.table, where.chain]
    return "/".join(_segment(part) for part in parts if part)


def _segment(text: str) -> str:
    """Of a path, with nothing in it that a reader would resolve."""
    shown = quote(safe(text), safe="")
    return shown.replace(".", "%2E") if shown in (".", "..") else shown


def _fingerprint(finding: Suspicion) -> str:
    """The same for the same problem at the same place. Of a rule counts its text, not its number."""
    where = finding.where
    place = str(where.place) if where.place else ""
    said = finding.evidence[:1] if where.rule and finding.evidence else (finding.message,)
    parts = (finding.code, place, where.device, where.table, where.chain, where.hook, *said)
    return hashlib.sha256("\0".join(map(safe, parts)).encode("ascii", "backslashreplace")).hexdigest()


def _gap(gap: Missing) -> Fields:
    level = "note" if gap.state == "absent" else "warning"
    return {"level": level, "message": {"text": safe(str(gap))}}
