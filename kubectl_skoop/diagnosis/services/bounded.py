"""Many services with the same thing wrong are told by the first of them."""

from collections.abc import Sequence
from dataclasses import replace

from kubectl_skoop.model.suspicion import Suspicion

MAX_SERVICES = 20
"""Findings of one code on one node that are told one by one."""


def bounded(findings: Sequence[Suspicion]) -> list[Suspicion]:
    """The worst of each code first."""
    by_code: dict[str, list[Suspicion]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    told = []
    for found in by_code.values():
        found.sort(key=lambda finding: -finding.level)
        told += found[:MAX_SERVICES]
        if len(found) > MAX_SERVICES:
            more = len(found) - MAX_SERVICES
            told[-1] = replace(told[-1], message=f"{told[-1].message}; the same of {more} more service ports")
    return told
