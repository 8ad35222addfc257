"""Of many findings of one code on a node the first are told."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

from kubectl_skoop.model.suspicion import Suspicion

MAX_TOLD = 20
"""Findings of one code on one node."""


def first_of_each_code(findings: Iterable[Suspicion], node: str) -> Iterator[Suspicion]:
    told: dict[str, list[Suspicion]] = {}
    for finding in findings:
        told.setdefault(finding.code, []).append(finding)
    for found in told.values():
        if (more := len(found) - MAX_TOLD) > 0:
            last = found[MAX_TOLD - 1]
            found[MAX_TOLD - 1] = replace(last, message=f"{last.message}; {more} more on {node}")
        yield from found[:MAX_TOLD]
