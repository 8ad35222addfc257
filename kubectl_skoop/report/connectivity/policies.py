"""`policies`: a list of policies with what they select."""

from collections.abc import Sequence

from kubectl_skoop.cluster.policy.ends import Selected
from kubectl_skoop.cluster.policy.party import Class
from kubectl_skoop.cluster.policy.reach import Reach
from kubectl_skoop.cluster.policy.rule import DIRECTIONS, Policy
from kubectl_skoop.report.connectivity.text import columns
from kubectl_skoop.report.connectivity.view import class_name
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.fields import Fields

HEADINGS = ("POLICY", "TIER", "DIRECTIONS", "PODS", "SELECTS")
NAMED = 3
"""Classes that a row names."""


def reaches_text(found: Sequence[Reach], *, whole: bool, headers: bool = True) -> str:
    """`whole`: each selected workload by name."""
    if not found:
        return "there are no policies\n"
    rows = [
        (
            reach.policy.key,
            reach.policy.tier.name,
            directions(reach.policy) or "none",
            str(reach.pods),
            _selects(reach),
        )
        for reach in found
    ]
    text = columns(HEADINGS, rows, headers=headers)
    if whole:
        for reach in found:
            names = [workload for one in reach.selected for workload in one.workloads]
            doubts = [f"{workload} (perhaps)" for one in reach.maybe for workload in one.workloads]
            listed = [f"  {safe(name)}" for name in (*names, *doubts)]
            text += "\n\n" + "\n".join([f"{safe(reach.policy.key)} selects", *(listed or ["  nothing"])])
    return text + "\n"


def _selects(reach: Reach) -> str:
    sure, perhaps = _some(reach.selected), _some(reach.maybe)
    return "; ".join([*([sure] if sure else []), *([f"perhaps {perhaps}"] if perhaps else [])])


def _some(found: Sequence[Class]) -> str:
    return ", ".join(map(class_name, found[:NAMED])) + (" …" if len(found) > NAMED else "")


def directions(policy: Policy) -> str:
    return ", ".join(side for side in DIRECTIONS if policy.rules(side) is not None)


def reaches_fields(found: Sequence[Reach]) -> Fields:
    return {
        "apiVersion": "skoop/v1",
        "kind": "Policies",
        "policies": [
            {
                "policy": reach.policy.key,
                "tier": reach.policy.tier.name,
                "directions": [side for side in DIRECTIONS if reach.policy.rules(side) is not None],
                "pods": reach.pods,
                "selects": [workload for one in reach.selected for workload in one.workloads],
                "perhaps": [workload for one in reach.maybe for workload in one.workloads],
                "reason": reach.reason,
            }
            for reach in found
        ],
    }


def selected_text(sides: Sequence[Selected]) -> str:
    parts: list[str] = []
    for side in sides:
        what = "sends" if side.direction == "egress" else "receives"
        listed = [f"  {safe(key)}" for key in side.policies] or ["  none: it is free"]
        parts.append("\n".join([f"{safe(side.name)} {what}; asked in this order:", *listed]))
    return "\n\n".join(parts) + "\n"


def selected_fields(sides: Sequence[Selected]) -> Fields:
    return {
        "apiVersion": "skoop/v1",
        "kind": "SelectingPolicies",
        "sides": [
            {"name": side.name, "direction": side.direction, "policies": list(side.policies)}
            for side in sides
        ],
    }
