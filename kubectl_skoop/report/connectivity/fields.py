"""`-o json` of `connectivity` and `policies`; the fields are described in docs/policies.md."""

from collections.abc import Sequence

from kubectl_skoop.cluster.policy.ends import Flow, verdict_of
from kubectl_skoop.cluster.policy.evaluate import PolicySet
from kubectl_skoop.cluster.policy.port import ports_text
from kubectl_skoop.cluster.policy.rule import Decision, Verdict
from kubectl_skoop.cluster.policy.universe import positions_of
from kubectl_skoop.report.connectivity.view import View, outside_text
from kubectl_skoop.report.fields import Fields

WORDS = {Verdict.ACCEPT: "allowed", Verdict.DENY: "denied", Verdict.UNKNOWN: "unknown"}


def connectivity_fields(view: View) -> Fields:
    found = view.found
    shown = view.destinations | view.sources
    return {
        "apiVersion": "skoop/v1",
        "kind": "Connectivity",
        "classes": [
            {
                "id": at,
                "kind": found.classes[at].party.kind,
                "namespace": found.classes[at].party.namespace,
                "workloads": list(found.classes[at].workloads),
                "members": len(found.classes[at].members),
                "policies": list(found.ends[at].selecting),
            }
            for at in positions_of(shown)
        ],
        "connections": [
            {
                "to": at,
                "from": positions_of(row.sources & view.sources),
                "ports": ports_text(row.ports),
                "verdict": verdict,
            }
            for at in positions_of(view.destinations)
            for rows, verdict in (
                (found.ends[at].allowed, "allowed"),
                (found.ends[at].unknown, "unknown"),
            )
            for row in rows
            if row.sources & view.sources
        ],
        "fromOutside": [
            {
                "to": at,
                "from": outside_text(addresses, whole=True),
                "ports": ports_text(ports),
                "verdict": verdict,
            }
            for at in positions_of(view.destinations if view.incoming else 0)
            for outers, verdict in (
                (found.ends[at].from_outside, "allowed"),
                (found.ends[at].from_outside_unknown, "unknown"),
            )
            for ports, addresses in outers
        ],
        "toOutside": [
            {
                "from": at,
                "to": outside_text(addresses, whole=True),
                "ports": ports_text(ports),
                "verdict": verdict,
            }
            for at in positions_of(view.sources if view.outgoing else 0)
            for outers, verdict in (
                (found.ends[at].to_outside, "allowed"),
                (found.ends[at].to_outside_unknown, "unknown"),
            )
            for ports, addresses in outers
        ],
        "unknown": list(view.reasons()),
        "problems": problem_fields(found.policies),
    }


def question_fields(flows: Sequence[Flow], policies: PolicySet) -> Fields:
    return {
        "apiVersion": "skoop/v1",
        "kind": "PolicyAnswer",
        "verdict": WORDS[verdict_of(flows)],
        "flows": [
            {
                "from": flow.source.name,
                "to": flow.destination.name,
                "protocol": flow.protocol.lower(),
                "port": flow.port,
                "verdict": WORDS[flow.answer.verdict],
                "egress": _decision(flow.answer.egress),
                "ingress": _decision(flow.answer.ingress),
            }
            for flow in flows
        ],
        "problems": problem_fields(policies),
    }


def _decision(decision: Decision) -> Fields:
    return {
        "verdict": WORDS[decision.verdict],
        "policy": decision.policy,
        "rule": decision.rule,
        "because": decision.because,
        "selecting": list(decision.selecting),
    }


def problem_fields(policies: PolicySet) -> list[Fields]:
    return [
        {"policy": problem.policy, "where": problem.where, "reason": problem.reason}
        for problem in policies.problems
    ]
