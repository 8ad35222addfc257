"""Where no collector can run, and what the agent is told of a pod."""

from collections.abc import Mapping

import pytest

from kubectl_skoop.collect.live.objects import obstacle, pod_entry

READY = {"type": "Ready", "status": "True"}


def _node(
    labels: Mapping[str, str] | None = None,
    condition: Mapping[str, str] = READY,
    taint: str = "",
) -> dict[str, object]:
    return {
        "metadata": {"name": "n", "labels": labels or {}},
        "spec": {"taints": [{"key": taint}] if taint else []},
        "status": {"conditions": [condition]},
    }


NODES: Mapping[str, tuple[dict[str, object], str]] = {
    "an ordinary one": (_node({"kubernetes.io/os": "linux"}), ""),
    "cordoned": (_node(taint="node.kubernetes.io/unschedulable"), ""),
    "Windows": (_node({"kubernetes.io/os": "windows"}), "runs windows"),
    "virtual, by its label": (_node({"type": "virtual-kubelet"}), "virtual node"),
    "virtual, by its taint": (_node(taint="virtual-kubelet.io/provider"), "virtual node"),
    "Fargate": (_node({"eks.amazonaws.com/compute-type": "fargate"}), "Fargate"),
    "no kubelet": (
        _node(
            condition={
                "type": "Ready",
                "status": "Unknown",
                "reason": "NodeStatusUnknown",
                "message": "Kubelet stopped posting node status.",
                "lastTransitionTime": "2026-01-01T00:00:00Z",
            }
        ),
        "not Ready since 2026-01-01T00:00:00Z: Kubelet stopped posting node status.",
    ),
}


@pytest.mark.parametrize(("node", "text"), NODES.values(), ids=NODES)
def test_why_no_collector_runs_on_a_node(node: dict[str, object], text: str) -> None:
    found = obstacle(node)
    assert bool(found) == bool(text)
    assert text in found


def test_a_static_pod_is_told_by_its_hash() -> None:
    metadata = {
        "namespace": "kube-system",
        "name": "proxy-n1",
        "uid": "of-the-mirror",
        "annotations": {"kubernetes.io/config.hash": "of-the-file"},
    }
    assert pod_entry({"metadata": metadata, "spec": {"hostNetwork": True}}) == {
        "pod": "kube-system/proxy-n1",
        "uid": "of-the-mirror",
        "hash": "of-the-file",
        "hostNetwork": True,
    }
