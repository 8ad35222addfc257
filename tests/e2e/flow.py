"""Questions in the words of the tests: who asks whom, by name."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from kubectl_skoop.testing.netns import Namespace
from tests.e2e.cluster import Cluster
from tests.e2e.probe import PATIENCE, Seen, ask, ask_udp
from tests.e2e.workloads import POD_PORT, Pod, Workloads

OUTSIDE = "outside"
SETTLED = 60
"""Seconds until kube-proxy has heard of a change, and a neighbour is asked anew, on a busy machine."""


@dataclass(frozen=True, slots=True)
class Place:
    """A sender or a receiver."""

    reference: str
    """As `kubectl skoop` names it: `pod/default/one`, `node/node1`, `svc/default/web`, an address."""
    address: str
    namespace: Namespace | None = None
    pod: Pod | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    source: str
    target: str
    port: int = POD_PORT
    protocol: Literal["tcp", "udp"] = "tcp"
    size: int = 0
    source_port: int = 0

    def __str__(self) -> str:
        return f"{self.source} to {self.target}:{self.port}/{self.protocol}"


ACROSS = Flow("client.node1", "web.node2")
"""From a pod to one on another node."""


def places(cluster: Cluster, workloads: Workloads) -> Mapping[str, Place]:
    """`node1`, `web.node1`, `client.node1`, `one`, `host-network`, `svc.web`, `outside` …"""
    found = {OUTSIDE: Place(str(cluster.outside_address), str(cluster.outside_address), cluster.outside)}
    for node in cluster.nodes.values():
        found[node.name] = Place(f"node/{node.name}", str(node.address), node.namespace)
    pods = {f"web.{node}": pod for node, pod in workloads.web.items()}
    pods |= {f"client.{node}": pod for node, pod in workloads.clients.items()}
    pods |= {pod.name: pod for pod in (workloads.one, workloads.host_network)}
    for name, pod in pods.items():
        found[name] = Place(f"pod/default/{pod.name}", pod.address, pod.namespace, pod)
    for name, address in workloads.services.items():
        found[f"svc.{name}"] = Place(f"svc/default/{name}", address)
    return found


def eventually(ask: Callable[[], str], wanted: Collection[str]) -> str:
    """The last answer: one that is wanted, or whatever it was when time was up."""
    end = time.monotonic() + SETTLED
    while (answer := ask()) not in wanted and time.monotonic() < end:
        time.sleep(0.1)
    return answer


def send(flow: Flow, where: Mapping[str, Place], *, patience: float = PATIENCE) -> Seen:
    """Ask, once."""
    client, address = where[flow.source].namespace, where[flow.target].address
    if client is None:
        raise ValueError(f"{flow.source} cannot ask")
    if flow.protocol == "udp":
        return ask_udp(
            client, address, flow.port, source_port=flow.source_port, size=flow.size, patience=patience
        )
    return ask(client, address, flow.port, size=flow.size, patience=patience)
