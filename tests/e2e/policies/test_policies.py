"""Real packets, what the policies mean, and the walk through kube-router's rules agree."""

import random
from collections.abc import Mapping
from contextlib import closing

import pytest

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy import ends
from kubectl_skoop.cluster.policy.evaluate import policy_set
from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.testing.flows import Flow
from tests.e2e.policies.agent import Agent
from tests.e2e.policies.questions import (
    NOT_ENFORCED,
    NOT_MEANT,
    all_questions,
    meaning,
    of_agent,
    passing,
    walked,
)
from tests.e2e.policies.scene import BACKEND, SERVICE, Scene
from tests.e2e.policies.sets import DIFFERENCES, SETS

pytestmark = pytest.mark.e2e

WALKED = 12
"""Questions of each set that are walked, too: half of them denied, if there are so many."""


def test_there_are_enough_cases() -> None:
    assert len(SETS) * WALKED >= 200


@pytest.mark.parametrize("name", SETS)
def test_packet_meaning_and_walk_agree(agent: Agent, scene: Scene, name: str) -> None:
    """And nothing is found in the rules of an agent that works."""
    agent.enforce(SETS[name])
    questions = list(all_questions(scene))
    seen = passing(scene, questions)
    with closing(scene.snapshot()) as snapshot:
        cluster = Cluster(snapshot)
        policies = policy_set(cluster)
        meant = {one: meaning(scene, cluster, policies, one) for one in questions}
        assert not policies.problems
        unexplained = [
            f"{one.id}: {meant[one].answer.verdict.value}, packet {'passes' if seen[one] else 'stops'}"
            for one in questions
            if seen[one] != accepted(meant[one]) and not differs(scene, one, meant[one], passes=seen[one])
        ]
        assert not unexplained
        assert of_agent(check(snapshot, Options()).suspicions) == []
        for one in drawn(name, meant, seen):
            diagnosis = walked(scene, snapshot, one)
            wanted = "reachable" if seen[one] else "unreachable"
            assert diagnosis.verdict == wanted, f"{one.id}: {diagnosis.headline}"


@pytest.mark.parametrize("name", DIFFERENCES)
def test_what_kube_router_does_differently(agent: Agent, scene: Scene, name: str) -> None:
    difference = DIFFERENCES[name]
    agent.enforce(difference.policies)
    address = scene.addresses[difference.destination]
    question = Flow(difference.source, difference.destination, address, "tcp", difference.port)
    passes = difference.meant == "deny"
    assert passing(scene, [question]) == {question: passes}
    with closing(scene.snapshot()) as snapshot:
        cluster = Cluster(snapshot)
        assert meaning(scene, cluster, policy_set(cluster), question).answer.verdict.value == difference.meant
        diagnosis = walked(scene, snapshot, question)
    assert diagnosis.verdict == ("reachable" if passes else "unreachable"), diagnosis.headline
    (told,) = of_agent(diagnosis.suspicions)
    assert told.code == (NOT_ENFORCED if passes else NOT_MEANT)


def accepted(flow: ends.Flow) -> bool:
    return flow.answer.verdict.value == "accept"


def differs(scene: Scene, question: Flow, meant: ends.Flow, *, passes: bool) -> bool:
    """Whether it is one of the first three DIFFERENCES; the others are in no set."""
    if passes:
        egress, ingress = (side.selecting for side in (meant.answer.egress, meant.answer.ingress))
        return bool({*egress} & {*ingress})
    own_node = scene.node_of.get(question.source) == question.destination
    return own_node or (question.source, question.destination) == (BACKEND, f"svc.{SERVICE}")


def drawn(name: str, meant: Mapping[Flow, ends.Flow], seen: Mapping[Flow, bool]) -> list[Flow]:
    """Of those that are denied, of those that pass, and of those where kube-router differs."""
    chance = random.Random(name)
    denied = [one for one in meant if not accepted(meant[one])]
    passing = [one for one in meant if accepted(meant[one])]
    odd = [one for one in meant if accepted(meant[one]) != seen[one]]
    some = chance.sample(denied, min(len(denied), WALKED // 2))
    some += chance.sample(passing, min(len(passing), WALKED - len(some)))
    return [*some, *odd[:2]]
