"""The cluster is one: nodes, services, pods, and the ways between them."""

import json
from collections.abc import Mapping

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.flow import OUTSIDE, Flow, Place, send
from tests.e2e.probe import ANSWER, Seen, handshake
from tests.e2e.workloads import (
    API_SERVICE,
    ECHO_PORT,
    HOST_NETWORK_PORT,
    HOST_PORT,
    SERVICE_PORT,
    WEB_NODE_PORT,
    Workloads,
)

pytestmark = pytest.mark.e2e

NODES = ("node1", "node2", "node3")
Where = Mapping[str, Place]


def test_all_nodes_are_ready(cluster: Cluster) -> None:
    nodes = cluster.kubectl.get("nodes")["items"]
    ready = {
        node["metadata"]["name"]: condition["status"]
        for node in nodes
        for condition in node["status"]["conditions"]
        if condition["type"] == "Ready"
    }
    assert ready == dict.fromkeys(NODES, "True")


def test_kubectl_is_of_the_servers_version(cluster: Cluster) -> None:
    versions = json.loads(cluster.kubectl("version", "-o", "json"))
    assert versions["clientVersion"]["gitVersion"] == versions["serverVersion"]["gitVersion"]


@pytest.mark.parametrize("node", NODES)
def test_the_service_answers_a_pod_from_every_backend(workloads: Workloads, where: Where, node: str) -> None:
    flow = Flow(f"client.{node}", "svc.web", SERVICE_PORT)
    seen = [send(flow, where) for _ in range(40)]
    assert {one.symptom for one in seen} == {ANSWER}
    assert {one.served_by for one in seen} == {pod.name for pod in workloads.web.values()}


@pytest.mark.parametrize("node", NODES)
def test_the_service_answers_a_node(where: Where, node: str) -> None:
    assert send(Flow(node, "svc.web", SERVICE_PORT), where).symptom == ANSWER


@pytest.mark.parametrize("node", NODES)
def test_the_service_answers_by_udp(where: Where, node: str) -> None:
    assert send(Flow(f"client.{node}", "svc.web", ECHO_PORT, "udp"), where).symptom == ANSWER


@pytest.mark.parametrize("node", NODES)
def test_the_node_port_answers_from_outside(where: Where, node: str) -> None:
    assert send(Flow(OUTSIDE, node, WEB_NODE_PORT), where).symptom == ANSWER


def test_the_host_port_answers_from_outside(where: Where) -> None:
    assert send(Flow(OUTSIDE, "node1", HOST_PORT), where).served_by == "one"


@pytest.mark.parametrize("node", NODES)
def test_the_pod_with_the_nodes_network_answers_pods(where: Where, node: str) -> None:
    seen = send(Flow(f"client.{node}", "node3", HOST_NETWORK_PORT), where)
    assert (seen.symptom, seen.served_by) == (ANSWER, "node3")


@pytest.mark.parametrize("source", NODES)
@pytest.mark.parametrize("target", NODES)
def test_pods_reach_each_other_by_their_own_addresses(
    workloads: Workloads, where: Where, source: str, target: str
) -> None:
    seen = send(Flow(f"client.{source}", f"web.{target}"), where)
    assert seen == Seen(ANSWER, workloads.web[target].name, workloads.clients[source].address)


@pytest.mark.parametrize("node", NODES)
def test_a_pod_reaches_the_api_server(workloads: Workloads, node: str) -> None:
    assert handshake(workloads.clients[node].namespace, API_SERVICE, 443).symptom == ANSWER
