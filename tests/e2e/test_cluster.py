"""The cluster is one: nodes, services, pods, and the ways between them."""

import json

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.probe import ANSWER, Seen, connect, open_port
from tests.e2e.workloads import (
    API_SERVICE,
    HOST_NETWORK_PORT,
    HOST_PORT,
    NODE_PORT,
    POD_PORT,
    SERVICE,
    SERVICE_PORT,
    Workloads,
)

pytestmark = pytest.mark.e2e

NODES = ("node1", "node2", "node3")


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


def test_a_service_account_may_not_do_what_the_administrator_may(cluster: Cluster) -> None:
    kubeconfig = cluster.service_account_kubeconfig("default")
    asked = cluster.kubectl("auth", "whoami", f"--kubeconfig={kubeconfig}", "-o", "json")
    assert json.loads(asked)["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
    may = cluster.kubectl("auth", "can-i", "--list", f"--kubeconfig={kubeconfig}")
    assert "pods " not in may


@pytest.mark.parametrize("node", NODES)
def test_the_service_answers_a_pod_from_every_backend(
    cluster: Cluster, workloads: Workloads, node: str
) -> None:
    client = workloads.clients[node].namespace
    seen = [connect(client, SERVICE, SERVICE_PORT) for _ in range(40)]
    assert {one.symptom for one in seen} == {ANSWER}
    assert {one.served_by for one in seen} == {pod.name for pod in workloads.web.values()}


@pytest.mark.parametrize("node", NODES)
def test_the_service_answers_a_node(cluster: Cluster, workloads: Workloads, node: str) -> None:
    assert connect(cluster.nodes[node].namespace, SERVICE, SERVICE_PORT).answered


@pytest.mark.parametrize("node", NODES)
def test_the_node_port_answers_from_outside(cluster: Cluster, workloads: Workloads, node: str) -> None:
    assert connect(cluster.outside, str(cluster.nodes[node].address), NODE_PORT).answered


def test_the_host_port_answers_from_outside(cluster: Cluster, workloads: Workloads) -> None:
    node = cluster.nodes[workloads.host_port.node]
    assert connect(cluster.outside, str(node.address), HOST_PORT).served_by == "host-port"


@pytest.mark.parametrize("node", NODES)
def test_the_pod_with_the_nodes_network_answers_pods(
    cluster: Cluster, workloads: Workloads, node: str
) -> None:
    server = cluster.nodes[workloads.host_network.node]
    seen = connect(workloads.clients[node].namespace, str(server.address), HOST_NETWORK_PORT)
    assert seen.symptom == ANSWER
    assert seen.served_by == server.name


@pytest.mark.parametrize("source", NODES)
@pytest.mark.parametrize("target", NODES)
def test_pods_reach_each_other_by_their_own_addresses(workloads: Workloads, source: str, target: str) -> None:
    client, server = workloads.clients[source], workloads.web[target]
    seen = connect(client.namespace, server.address, POD_PORT)
    assert seen == Seen(ANSWER, server.name, client.address)


@pytest.mark.parametrize("node", NODES)
def test_a_pod_reaches_the_api_server(workloads: Workloads, node: str) -> None:
    assert open_port(workloads.clients[node].namespace, API_SERVICE, 443) == ANSWER
