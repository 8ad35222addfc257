"""Where no collector can run, and what the agent is told of a pod."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kubectl_skoop.cluster.allow import BUILT_IN
from kubectl_skoop.collect.live.api import PAGE, Api
from kubectl_skoop.collect.live.kubeconfig import Access
from kubectl_skoop.collect.live.objects import InMemory, gather, obstacle, pod_entry
from tests.collect.live.server import Answer, serving

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


def _listed(*objects: Mapping[str, object]) -> list[Answer]:
    return [(200, {"metadata": {}, "items": list(objects)})]


def test_what_collecting_needs_is_noted_of_all_namespaces(tmp_path: Path) -> None:
    kinds = {"nodes": "Node", "pods": "Pod", "services": "Service"}
    resources = [{"name": name, "kind": kind, "verbs": ["list"]} for name, kind in kinds.items()]
    node = {**_node(), "spec": {"podCIDRs": ["10.1.0.0/24", "fd00:1::/64"]}}
    pods = [
        {"metadata": {"namespace": where, "name": "a", "uid": f"of-{where}"}, "spec": {"nodeName": "n"}}
        for where in ("shop", "other")
    ]
    services = [{"metadata": {"namespace": where, "name": "s"}} for where in ("shop", "other")]
    answers: dict[str, list[Answer]] = {
        "GET /apis": [(200, {"groups": []})],
        "GET /api/v1": [(200, {"resources": resources})],
        f"GET /api/v1/nodes?limit={PAGE}": _listed(node),
        f"GET /api/v1/pods?limit={PAGE}": _listed(*pods),
        f"GET /api/v1/services?limit={PAGE}": _listed(*services),
    }
    kept = InMemory()
    with serving(answers) as server, ThreadPoolExecutor() as workers:
        api = Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))
        found = gather(api, BUILT_IN, workers, kept.stream, ["shop"])
    assert (found.obstacles, found.networks, found.services) == ({"n": ""}, ["10.1.0.0/24", "fd00:1::/64"], 2)
    assert [pod["uid"] for pod in found.pods["n"]] == ["of-shop", "of-other"]
    assert {kind: len(kept.kinds[kind]) for kind in ("Node", "Pod", "Service")} == {
        "Node": 1,
        "Pod": 1,
        "Service": 1,
    }
