"""`any` wants what Kubernetes demands of every CNI, and no more."""

from typing import Any

from kubectl_skoop.api import Expectation
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import standard


def test_what_it_wants(make_context: Any) -> None:
    ctx = make_context(cluster_objects("calico", standard()), options=Options(network_plugin="any"))
    plugin = set_up(ctx).plugin
    actions = (plugin.create_node(ctx.cluster.node("n1")), plugin.create_pod(ctx.cluster.pod("default/a")))
    assert [
        [wish.want for wish in action.always() if isinstance(wish, Expectation)] for action in actions
    ] == [
        ["net.ipv4.ip_forward = 1"],
        ["eth0 up with a carrier", "lo up", "eth0 inet 10.244.1.2/32"],
    ]
