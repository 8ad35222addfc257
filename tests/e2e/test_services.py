"""The services of a whole cluster, whose nodes have kube-proxy in two modes, compared live."""

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.skoop import Skoop
from tests.e2e.workloads import Workloads

pytestmark = pytest.mark.e2e


def found(skoop: Skoop) -> list[tuple[str, str]]:
    """Codes and nodes of what is wrong with services."""
    ran = skoop.collecting("check", "-o", "json")
    result = ran.json
    assert [one for one in result["facts"] if one["name"] == "services not compared"] == []
    return [
        (one["code"], one["where"].get("name", ""))
        for one in result["suspicions"]
        if one["code"].startswith("service.")
    ]


def test_healthy_nodes_of_both_modes_are_compared_and_silent(skoop: Skoop, workloads: Workloads) -> None:
    assert workloads.web
    assert found(skoop) == []


def test_a_node_whose_table_is_gone(skoop: Skoop, workloads: Workloads, cluster: Cluster) -> None:
    """kube-proxy does not notice: it comes back when it starts."""
    assert workloads.web
    node = cluster.nodes["node2"]
    node.stop_kube_proxy()
    node.run("nft", "delete", "table", "ip", "kube-proxy")
    try:
        assert found(skoop) == [("service.no-rules", "node2")]
    finally:
        node.start_kube_proxy()
