"""Statuses as kubelets write them (the pod lifecycle page of the Kubernetes documentation)."""

from collections.abc import Mapping

import pytest

from kubectl_skoop.collect.live.pod_state import PodState, pod_state


def _pod(status: Mapping[str, object]) -> dict[str, object]:
    return {"metadata": {"name": "p"}, "status": status}


def _container(state: Mapping[str, object]) -> dict[str, object]:
    return {"phase": "Pending", "containerStatuses": [{"name": "collector", "state": state}]}


STATES: Mapping[str, tuple[Mapping[str, object], PodState]] = {
    "nobody has seen it": ({"phase": "Pending"}, PodState("p", False, "", "the kubelet")),
    "the container is made": (
        _container({"waiting": {"reason": "ContainerCreating"}}),
        PodState("p", False, "", "ContainerCreating"),
    ),
    "it runs": (_container({"running": {"startedAt": "2026-01-01T00:00:00Z"}}), PodState("p", True, "", "")),
    "no image": (
        _container({"waiting": {"reason": "ErrImagePull", "message": "not\nfound"}}),
        PodState("p", False, "ErrImagePull: not found", ""),
    ),
    "refused by the kubelet": (
        {"phase": "Failed", "reason": "OutOfpods", "message": "Node didn't have enough resource: pods"},
        PodState("p", False, "the pod ended (OutOfpods: Node didn't have enough resource: pods)", ""),
    ),
    "evicted": (
        {"phase": "Failed", "reason": "Evicted", "message": "low on memory"},
        PodState("p", False, "the pod ended (Evicted: low on memory)", ""),
    ),
    "killed": (
        _container({"terminated": {"reason": "OOMKilled", "exitCode": 137}}),
        PodState("p", False, "the container ended (OOMKilled, exit code 137)", ""),
    ),
}


@pytest.mark.parametrize(("status", "state"), STATES.values(), ids=STATES)
def test_a_status_says_whether_to_wait(status: Mapping[str, object], state: PodState) -> None:
    assert pod_state(_pod(status)) == state
