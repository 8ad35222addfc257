"""A cluster of an old version is one, too: for the skew between it and the tool."""

import json
from collections.abc import Mapping

import pytest

from tests.e2e.binaries import OLD_VERSION
from tests.e2e.cluster import Cluster
from tests.e2e.flow import OUTSIDE, Flow, Place, send
from tests.e2e.probe import ANSWER
from tests.e2e.workloads import ONE_NODE_PORT, SERVICE_PORT

pytestmark = pytest.mark.e2e


def test_server_and_kubelets_are_old(old_cluster: Cluster) -> None:
    server = json.loads(old_cluster.kubectl("version", "-o", "json"))["serverVersion"]
    nodes = old_cluster.kubectl.get("nodes")["items"]
    assert server["gitVersion"] == OLD_VERSION
    assert {node["status"]["nodeInfo"]["kubeletVersion"] for node in nodes} == {OLD_VERSION}


def test_kube_proxy_writes_chains_that_are_gone_today(old_cluster: Cluster) -> None:
    saved = old_cluster.nodes["node1"].namespace.run("iptables-save")
    assert "KUBE-MARK-DROP" in saved
    assert "KUBE-PROXY-FIREWALL" not in saved


@pytest.mark.parametrize("node", ["node1", "node2", "node3"])
def test_pods_services_and_node_ports_answer(old_where: Mapping[str, Place], node: str) -> None:
    for flow in (
        Flow(f"client.{node}", "web.node2"),
        Flow(f"client.{node}", "svc.one", SERVICE_PORT),
        Flow(OUTSIDE, node, ONE_NODE_PORT),
    ):
        assert send(flow, old_where).symptom == ANSWER, flow
