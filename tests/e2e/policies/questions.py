"""One question in three ways: a real packet, what the policies mean, the walk through the nodes' rules."""

from collections.abc import Iterable, Iterator, Sequence

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy import ends
from kubectl_skoop.cluster.policy.evaluate import PolicySet
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.testing.flows import Flow
from kubectl_skoop.testing.probes import ANSWER, run_flows
from tests.e2e.policies.scene import PORTS, PROTOCOLS, SERVICE, SERVICE_PORT, Scene

NOT_ENFORCED, NOT_MEANT = "policy.not-enforced", "policy.not-meant"
QUIET = 0.9
"""Seconds; a SYN is repeated after one."""


def all_questions(scene: Scene) -> Iterator[Flow]:
    """Between all pods and nodes, and to the service."""
    service = f"svc.{SERVICE}"
    for source in (*scene.pods, *scene.nodes):
        for protocol in PROTOCOLS:
            for port in PORTS:
                for destination in (*scene.pods, *scene.nodes):
                    if source != destination:
                        yield Flow(source, destination, scene.addresses[destination], protocol, port)
            yield Flow(source, service, scene.addresses[service], protocol, SERVICE_PORT)


def passing(scene: Scene, questions: Sequence[Flow]) -> dict[Flow, bool]:
    """Whether the real packets arrive and are answered."""
    outcomes = run_flows(scene, questions, quiet=QUIET)
    return {question: outcomes[question].symptom == ANSWER for question in questions}


def meaning(scene: Scene, cluster: Cluster, policies: PolicySet, question: Flow) -> ends.Flow:
    """As `policies -s -d -p`. All receivers have one address, and the service one backend."""
    source, destination = scene.reference(question.source), scene.reference(question.destination)
    (found,) = ends.flows(cluster, policies, source, destination, str(question.port), question.protocol)
    return found


def walked(scene: Scene, snapshot: Snapshot, question: Flow) -> Diagnosis:
    request = Request(
        source=scene.reference(question.source),
        destination=scene.reference(question.destination),
        port=str(question.port),
        protocol=question.protocol,
    )
    return diagnose(snapshot, request, Options())


def of_agent(found: Iterable[Suspicion]) -> list[Suspicion]:
    """Where rules and policies differ."""
    return [one for one in found if one.code in (NOT_ENFORCED, NOT_MEANT)]
