"""Real packets that kube-network-policies judges, and what the policies mean, agree."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing

import pytest

from kubectl_skoop.cluster.cluster import Cluster, PlainObjects
from kubectl_skoop.cluster.policy import ends
from kubectl_skoop.cluster.policy.evaluate import policy_set
from kubectl_skoop.snapshot.objects_file import read_objects
from kubectl_skoop.testing.flows import Flow
from tests.e2e import cluster as clusters
from tests.e2e.policies import admin_sets, packet_agent, sets
from tests.e2e.policies import scene as scenes
from tests.e2e.policies.agent import network_policy
from tests.e2e.policies.packet_agent import PacketAgent
from tests.e2e.policies.questions import all_questions, meaning, passing, walked
from tests.e2e.policies.scene import BACKEND, SERVICE, Scene

pytestmark = pytest.mark.e2e

PATIENCE, PAUSE = 60, 1.0
"""Seconds: the agent reads policies in its own time; packets are sent until they agree, with pauses."""
SETS = {
    **{
        name: [network_policy(key, spec) for key, spec in policies.items()]
        for name, policies in sets.SETS.items()
    },
    **admin_sets.SETS,
}


@pytest.fixture(scope="module")
def judged() -> Iterator[Scene]:
    """Two nodes of a cluster of their own."""
    with clusters.running(2) as cluster, scenes.built(cluster) as made:
        yield made


@pytest.fixture(scope="module")
def judge(judged: Scene) -> PacketAgent:
    return packet_agent.deployed(judged.cluster)


@pytest.mark.parametrize("name", SETS)
def test_packets_and_meaning_agree(judge: PacketAgent, judged: Scene, name: str) -> None:
    judge.write(SETS[name])
    questions = [one for one in all_questions(judged) if not _itself_by_service(one)]
    meant = _meant(judged, questions)
    assert set(meant.values()) <= {"accept", "deny"}
    assert _different(judged, questions, meant) == []


@pytest.mark.parametrize("name", admin_sets.DIFFERENCES)
def test_what_it_does_differently(judge: PacketAgent, judged: Scene, name: str) -> None:
    difference = admin_sets.DIFFERENCES[name]
    judge.write(difference.policies)
    question = _to(judged, difference.source, difference.destination, difference.port)
    stopped = [_to(judged, *ends) for ends in difference.stopped]
    assert _meant(judged, [question]) == {question: difference.meant}
    opposite = {question: "deny" if difference.meant == "accept" else "accept"}
    assert _different(judged, [question, *stopped], opposite | dict.fromkeys(stopped, "deny")) == []


def test_the_walk_does_not_know_what_a_program_decides(judge: PacketAgent, judged: Scene) -> None:
    judge.write([network_policy("y/nothing", {"podSelector": {}, "policyTypes": ["Ingress"]})])
    question = _to(judged, "x-a", "y-a")
    with closing(judged.snapshot()) as snapshot:
        diagnosis = walked(judged, snapshot, question)
    assert diagnosis.verdict == "unknown"
    assert "a program in user space decides" in diagnosis.headline
    (told,) = (one for one in diagnosis.suspicions if one.code.startswith("policy."))
    assert (told.code, str(told.where.place)) == ("policy.denies", "pod/y/y-a")


def _to(scene: Scene, source: str, destination: str, port: int = 80) -> Flow:
    return Flow(source, destination, scene.addresses[destination], "tcp", port)


def _itself_by_service(question: Flow) -> bool:
    """One of the DIFFERENCES."""
    return (question.source, question.destination) == (BACKEND, f"svc.{SERVICE}")


def _meant(scene: Scene, questions: Sequence[Flow]) -> dict[Flow, str]:
    """`accept`, `deny` or `unknown`, by what the API server has."""
    path = scene.cluster.folder / "meant.json"
    kinds = f"{scenes.KINDS},{','.join(packet_agent.KINDS[1:])}"
    path.write_text(scene.cluster.kubectl("get", kinds, "--all-namespaces", "-o", "json"))
    cluster = Cluster(PlainObjects(read_objects([path])))
    policies = policy_set(cluster)
    assert not policies.problems
    found: dict[Flow, ends.Flow] = {one: meaning(scene, cluster, policies, one) for one in questions}
    return {one: flow.answer.verdict.value for one, flow in found.items()}


def _different(scene: Scene, questions: Sequence[Flow], meant: Mapping[Flow, str]) -> list[str]:
    """Flows whose packets do not do what is meant, after the last round."""
    end = time.monotonic() + PATIENCE
    while True:
        seen = passing(scene, questions)
        different = [
            f"{one.id}: {meant[one]}, packet {'passes' if seen[one] else 'stops'}"
            for one in questions
            if seen[one] != (meant[one] == "accept")
        ]
        if not different or time.monotonic() > end:
            return different
        time.sleep(PAUSE)
