"""The container runtime's word on where namespaces are, and that of the processes."""

import json
from pathlib import Path

import pytest

from kubectl_skoop.collect.cri.sandboxes import read_sandboxes
from kubectl_skoop.collect.netns import identity
from kubectl_skoop.collect.pods import ExpectedPod, find_pods
from tests.e2e.cluster import Cluster
from tests.e2e.workloads import Workloads

pytestmark = pytest.mark.e2e


def test_the_runtime_names_the_namespaces_that_the_processes_are_in(
    cluster: Cluster, workloads: Workloads
) -> None:
    listed = json.loads(cluster.kubectl("get", "pods", "-A", "-o", "json"))["items"]
    for node in cluster.nodes.values():
        expected = [
            ExpectedPod(pod["metadata"]["name"], pod["metadata"]["uid"])
            for pod in listed
            if pod["spec"]["nodeName"] == node.name and not pod["spec"].get("hostNetwork")
        ]
        assert expected
        root = Path(f"/proc/{node.room.pid}/root")
        told = read_sandboxes(root=root)
        assert told.trouble == ""
        by_processes = find_pods(expected)
        by_runtime = find_pods(expected, Path("/proc/self/fdinfo"), told)
        assert not by_processes.lost
        assert not by_runtime.lost
        assert {pod: identity(path) for pod, path in by_runtime.paths.items()} == {
            pod: identity(path) for pod, path in by_processes.paths.items()
        }
