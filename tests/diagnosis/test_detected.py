"""What `plugins --detect` says, and from where."""

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.api import Context, Detected, Device, NetNodeAction, NodeInfo, Plugin, PodInfo, Setting
from kubectl_skoop.cluster.addresses import covering
from kubectl_skoop.diagnosis.extension import registry
from kubectl_skoop.diagnosis.extension.detected import OPTIONS, detected
from kubectl_skoop.diagnosis.extension.options import options_of
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.services.every import pod_networks
from kubectl_skoop.testing.objects import cluster_objects
from kubectl_skoop.testing.topology import Mode, standard
from tests.diagnosis.test_plugins_bridge import BRIDGE, PEER_ROUTE, PORT, VETH, n1, objects


def daemon_set(name: str) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": "kube-system"},
    }


def rows(settings: Iterable[Setting]) -> dict[str, tuple[str, str]]:
    return {each.name: (each.value, each.source) for each in settings}


@pytest.mark.parametrize(
    ("mode", "name", "value", "source"),
    [
        ("flannel-vxlan", "network plugin", "flannel", "DaemonSet kube-flannel/kube-flannel-ds"),
        (
            "flannel-host-gw",
            "flannel: backend",
            "host-gw",
            "annotation flannel.alpha.coreos.com/backend-type of 2 nodes",
        ),
        ("flannel-vxlan", "flannel: port of vxlan", "UDP 8472", "ConfigMap kube-flannel/kube-flannel-cfg"),
        ("calico", "calico: pool", "10.244.0.0/16, blocks /26, no encapsulation, natOutgoing", "IPPools"),
        ("canal", "calico: BGP", "off: canal", "a DaemonSet …canal"),
        (
            "canal",
            "flannel: backend",
            "vxlan",
            "annotation flannel.alpha.coreos.com/backend-type of 2 nodes",
        ),
        ("calico", "pod CIDRs", "10.244.1.0/24, 10.244.2.0/24", "spec.podCIDRs of 2 nodes"),
        (
            "calico",
            "service CIDR, IPv4",
            "10.96.0.0/26 or more",
            "6 cluster IPs are in it; the range itself is told by no object",
        ),
    ],
)
def test_what_objects_tell(make_context: Any, mode: Mode, name: str, value: str, source: str) -> None:
    assert rows(detected(make_context(cluster_objects(mode, standard()))))[name] == (value, source)


def test_what_nodes_show(make_context: Any) -> None:
    state = n1(BRIDGE, PORT, gateway_on=3, routes=(PEER_ROUTE,))
    found = rows(detected(make_context(objects(), state)))
    assert found["bridge: pods"][0] == "ports of cni0"
    assert found["bridge: hairpin"] == ("on", "ports of cni0")
    assert found["bridge: routes"][0] == "on the nodes"
    found = rows(detected(make_context(objects(), n1(VETH, gateway_on=5))))
    assert found["bridge: pods"][0] == "each on a veth with a route (ptp)"
    assert found["bridge: routes"][0] == "the underlay's business"


def test_the_mode_that_a_node_shows_can_be_overridden(make_context: Any) -> None:
    state = n1(Device(index=7, name="kube-dummy-if", kind="dummy"))
    for options, mode in ((Options(), "kube-router"), (Options(proxy_mode="ipvs"), "ipvs")):
        unsaid = [item for item in objects() if item["kind"] != "ConfigMap"]
        ctx = make_context(unsaid, state, options=options)
        found = {one.name: one for one in detected(ctx)}["proxy mode"]
        assert (found.value, found.option) == (mode, "proxy-mode")


REPORTS = {"calico: pool", "cilium: nodes", "aws-vpc-cni: prefixes", "kube-router: pods"}
"""What is there, and is no conclusion."""


@pytest.mark.parametrize("plugin", registry.installed(registry.PLUGINS))
def test_every_conclusion_can_be_overridden(make_context: Any, plugin: str) -> None:
    state, options = n1(BRIDGE, PORT, gateway_on=3), Options(network_plugin=plugin)
    found = detected(make_context(objects(), state, options=options))
    known = {
        option.name
        for name, each in registry.each(registry.PLUGINS)
        if not isinstance(each, registry.PluginError)
        for option in options_of(each.options, name)
    }
    assert {one.name for one in found if not one.option} <= REPORTS
    assert {one.option for one in found if one.option} <= {*OPTIONS.values(), *known}


def test_agents_that_no_plugin_speaks_for_are_named(make_context: Any) -> None:
    ctx = make_context([*cluster_objects("calico", standard()), daemon_set("kube-multus-ds")])
    assert rows(detected(ctx))["also"] == (
        "Multus: no plugin speaks for it",
        "DaemonSet kube-system/kube-multus-ds",
    )


def test_nothing_is_known_of_an_empty_cluster(make_context: Any) -> None:
    assert rows(detected(make_context())) == {
        "network plugin": ("any", "no plugin knows the CNI of this cluster"),
        "not known": (
            "which devices, routes, neighbours and rules the CNI wants",
            "no plugin speaks for it, so that was not compared",
        ),
        "cloud provider": ("generic", "no provider knows this cloud"),
        "proxy mode": ("", "no ConfigMap of kube-proxy"),
        "cluster CIDR": ("", "no ConfigMap of kube-proxy"),
    }


def test_a_cluster_of_two_families_has_two_networks(make_context: Any) -> None:
    both = "10.244.0.0/16,fd00:244::/32"
    config = {"config.conf": f"mode: iptables\nclusterCIDR: {both}\n"}
    named = {"name": "kube-proxy", "namespace": "kube-system"}
    ctx = make_context([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": config}])
    assert rows(detected(ctx))["cluster CIDR"] == (both, "ConfigMap kube-system/kube-proxy")


class Broken(Plugin):
    name = "calico"

    def __init__(self, ctx: Context) -> None:
        pass

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return Detected("calico", "test")

    def settings(self) -> Iterable[Setting]:
        raise RuntimeError("no")

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        raise NotImplementedError

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        raise NotImplementedError


def test_a_plugin_that_raises_is_said(make_context: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "load_plugin", lambda name: Broken)
    value, source = rows(detected(make_context()))["calico"]
    assert value == ""
    assert source.startswith("the plugin failed: RuntimeError: no (test_detected.py, line ")


@pytest.mark.parametrize(
    ("addresses", "network"),
    [
        (["10.96.0.1"], "10.96.0.1/32"),
        (["10.96.0.1", "10.96.0.53", "10.96.0.10"], "10.96.0.0/26"),
        (["10.96.0.1", "10.111.4.2"], "10.96.0.0/12"),
        (["fd00::1", "fd00::a"], "fd00::/124"),
    ],
)
def test_the_smallest_network(addresses: list[str], network: str) -> None:
    assert str(covering(ip_address(each) for each in addresses)) == network


def test_the_nodes_ranges_beside_the_networks_that_the_user_gives_are_no_pods(make_context: Any) -> None:
    objects = cluster_objects("calico", standard())
    for given, found in (
        ("", ["10.244.0.0/16", "10.244.1.0/24", "10.244.2.0/24"]),
        ("10.244.1.0/24", ["10.244.1.0/24", "10.244.1.0/24"]),
        ("10.0.0.0/8", ["10.0.0.0/8", "10.244.1.0/24", "10.244.2.0/24"]),
    ):
        assert [*pod_networks(make_context(objects, options=Options(cluster_cidr=given)))] == found


@pytest.mark.parametrize("name", ["pod CIDRs", "service CIDR, IPv4", "cluster CIDR"])
def test_networks_say_what_overrides_them(make_context: Any, name: str) -> None:
    found = {each.name: each.option for each in detected(make_context(cluster_objects("calico", standard())))}
    assert found[name] == ("service-cidr" if name.startswith("service") else "cluster-cidr")
