"""An agent that hangs, or lost its rules or sets: the packet, the diagnosis and the check say so."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.testing.flows import Flow
from tests.cluster.policy.conformance_cluster import NS_X
from tests.e2e.node import Node
from tests.e2e.policies.agent import Agent
from tests.e2e.policies.questions import NOT_ENFORCED, NOT_MEANT, of_agent, passing, walked
from tests.e2e.policies.scene import Scene
from tests.e2e.policies.sets import PolicySet

pytestmark = pytest.mark.e2e

SENDER, RECEIVER = "x-a", "y-a"
"""On different nodes: only that of the receiver has its ingress."""
CLOSED: PolicySet = {"y/in": {"podSelector": {}, "policyTypes": ["Ingress"]}}
OPEN_TO_X: PolicySet = {"y/in": {"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": NS_X}]}]}}
OPEN_TO_NOBODY: PolicySet = {
    "y/in": {
        "podSelector": {},
        "ingress": [{"from": [{"namespaceSelector": {"matchLabels": {"ns": "z"}}}]}],
    }
}


@dataclass(frozen=True, slots=True)
class Fault:
    before: PolicySet
    code: str
    message: str
    """Of the check: a part."""
    after: PolicySet | None = None
    """Written while the agent hangs."""
    command: str = ""
    """Run on the receiver's node while the agent hangs, filled with `names`."""


FAULTS: Mapping[str, Fault] = {
    "a policy comes": Fault({}, NOT_ENFORCED, "lack NetworkPolicy y/in for y/y-a", after=CLOSED),
    "a policy goes": Fault(
        CLOSED, NOT_MEANT, "still have NetworkPolicy y/in for y/y-a, y/y-c, which it does", after={}
    ),
    "a rule comes": Fault(
        CLOSED, NOT_MEANT, "set for spec.ingress[0] of NetworkPolicy y/in on node2 lacks", after=OPEN_TO_X
    ),
    "a set is emptied": Fault(
        OPEN_TO_X,
        NOT_MEANT,
        "set for spec.podSelector of NetworkPolicy y/in on",
        command="ipset flush {pods}",
    ),
    "a set has one more": Fault(
        OPEN_TO_NOBODY, NOT_ENFORCED, "they are let through", command="ipset add {peers} {sender}"
    ),
    "the policy's chain is emptied": Fault(
        OPEN_TO_X, NOT_MEANT, "the chain of NetworkPolicy y/in on", command="iptables -F {policy}"
    ),
    "the pod's chain is emptied": Fault(
        CLOSED, NOT_ENFORCED, "for y/y-a on node2 rejects nothing", command="iptables -F {pod}"
    ),
    "the jump to the pod's chain is gone": Fault(
        CLOSED,
        NOT_ENFORCED,
        "has no chain of kube-router for y/y-a",
        command="iptables -F KUBE-ROUTER-FORWARD",
    ),
    "the first jump is gone": Fault(
        CLOSED,
        NOT_ENFORCED,
        "policies have no effect on y/y-a, y/y-c",
        command="iptables -D FORWARD {first}",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_the_agent_is_found(agent: Agent, scene: Scene, name: str) -> None:
    fault = FAULTS[name]
    agent.enforce(fault.before)
    question = Flow(SENDER, RECEIVER, scene.addresses[RECEIVER], "tcp", 80)
    passed = passing(scene, [question])[question]
    assert passed == (fault.code == NOT_MEANT) if fault.command else passed == (fault.before != CLOSED)
    assert findings(scene, question) == ([], [])
    with broken(agent, scene, fault):
        passes = passing(scene, [question])[question]
        diagnosed, checked = findings(scene, question)
    assert passes == (fault.code == NOT_ENFORCED)
    assert [one.code for one in diagnosed] == [fault.code]
    assert {one.code for one in checked} == {fault.code}
    assert any(fault.message in one.message for one in checked), checked


def findings(scene: Scene, question: Flow) -> tuple[list[Suspicion], list[Suspicion]]:
    """Of the diagnosis and of the check."""
    with closing(scene.snapshot()) as snapshot:
        diagnosed = walked(scene, snapshot, question).suspicions
        return of_agent(diagnosed), of_agent(check(snapshot, Options()).suspicions)


@contextmanager
def broken(agent: Agent, scene: Scene, fault: Fault) -> Iterator[None]:
    """The agent hangs meanwhile; afterwards it mends all."""
    node = scene.cluster.nodes[scene.node_of[RECEIVER]]
    with agent.paused():
        if fault.after is not None:
            agent.write(fault.after)
        if fault.command:
            filled = fault.command.format_map(names(node, scene))
            node.run(*filled.split())
        yield


def names(node: Node, scene: Scene) -> Mapping[str, str]:
    """Of the chains and sets for the receiver, as the rules have them."""
    rules = node.run("iptables-save", "-t", "filter")
    find = partial(re.search, string=rules, flags=re.MULTILINE)
    patterns = {
        "pod": r"POD name:y-a namespace: y to chain (KUBE-POD-FW-\w+)",
        "policy": r"run through nw policy in\" -j (KUBE-NWPLCY-\w+)",
        "pods": r"policy name in namespace y\".*(KUBE-DST-\w+) dst",
        "peers": r"policy name in namespace y\".*(KUBE-SRC-\w+) src",
    }
    found = {name: match[1] for name, pattern in patterns.items() if (match := find(pattern)) is not None}
    jumps = [line for line in rules.splitlines() if line.startswith("-A FORWARD ")]
    first = next(at for at, line in enumerate(jumps, start=1) if "KUBE-ROUTER-FORWARD" in line)
    return {**found, "sender": scene.addresses[SENDER], "first": str(first)}
