"""kube-router as the cluster's policy agent: a DaemonSet, which runs the program that was built here."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from string import Template
from typing import Any

from tests.e2e import binaries
from tests.e2e.cluster import Cluster
from tests.e2e.errors import ClusterError
from tests.e2e.node import Node
from tests.e2e.node_files import PAUSE_IMAGE
from tests.e2e.underlay import SERVICE_NETWORK

MARKER_NAMESPACE = "marker"
SYNC_TIMEOUT = 180
_FOLDER = Path(__file__).parent
_NAME, _NAMESPACE = "kube-router", "kube-system"


@dataclass(frozen=True, slots=True)
class Agent:
    cluster: Cluster
    _numbers: Iterator[int] = field(default_factory=count)

    def enforce(self, policies: Mapping[str, Mapping[str, Any]]) -> None:
        """These NetworkPolicies and no others, `namespace/name` → spec, once all nodes have them.

        Raises:
            ClusterError: a node does not have them in time.
        """
        marker = self.write(policies)
        for node in self.cluster.nodes.values():
            _await_rule(node, marker)

    def write(self, policies: Mapping[str, Mapping[str, Any]]) -> str:
        """Only write the objects. Returns the name of the last, which selects no pod.

        An agent hears of policies in the order in which they were written, and replaces all rules at once:
        once a node has rules of the last one, it has those of all.
        """
        marker = f"marker-{next(self._numbers)}"
        lasting = {"podSelector": {"matchLabels": {"no": "pod"}}, "ingress": [{}]}
        items = [
            network_policy(key, spec)
            for key, spec in {**policies, f"{MARKER_NAMESPACE}/{marker}": lasting}.items()
        ]
        kubectl = self.cluster.kubectl
        kubectl("delete", "networkpolicies", "--all", "--all-namespaces", "--wait=false")
        kubectl.apply({"apiVersion": "v1", "kind": "List", "items": items})
        return marker

    @contextmanager
    def paused(self) -> Iterator[None]:
        """No node follows any change: as if it hung."""
        found = self.cluster.kubectl.get("pods", f"--namespace={_NAMESPACE}", f"--selector=k8s-app={_NAME}")
        processes = [self.cluster.container_process(item) for item in found["items"]]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)


def deployed(cluster: Cluster) -> Agent:
    """It runs on all nodes, and they have their first rules.

    Raises:
        ClusterError: it does not.
    """
    kubectl = cluster.kubectl
    kubectl.apply((_FOLDER / "rights.yaml").read_text())
    text = Template((_FOLDER / "agent.yaml").read_text()).substitute(
        image=PAUSE_IMAGE,
        program=binaries.kube_router_built(),
        kubeconfig=cluster.service_account_kubeconfig(_NAME, _NAMESPACE),
        services=SERVICE_NETWORK,
    )
    kubectl.apply(text, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": MARKER_NAMESPACE}})
    kubectl("rollout", "status", f"daemonset/{_NAME}", f"--namespace={_NAMESPACE}", "--timeout=180s")
    agent = Agent(cluster)
    agent.enforce({})
    return agent


def network_policy(key: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    """`key`: `namespace/name`."""
    namespace, _, name = key.partition("/")
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def _await_rule(node: Node, policy: str) -> None:
    end = time.monotonic() + SYNC_TIMEOUT
    wanted = f"policy name: {policy} namespace"
    while wanted not in _saved(node):
        if time.monotonic() > end:
            raise ClusterError(f"{node.name}: no rule of policy {policy} after {SYNC_TIMEOUT} s")
        time.sleep(0.1)


def _saved(node: Node) -> str:
    """Empty where the agent just takes a set away that a rule had asked for: then the tool fails."""
    try:
        return node.run("iptables-save", "-t", "filter")
    except ClusterError:
        return ""
