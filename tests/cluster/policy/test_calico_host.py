"""Calico's host endpoints: what nodes may send and take, and what passes them on its way to pods."""

import pytest

from kubectl_skoop.cluster.connectivity import connectivity
from kubectl_skoop.cluster.objects import Object
from kubectl_skoop.cluster.policy.ends import flows, verdict_of
from kubectl_skoop.cluster.policy.reach import reaches
from kubectl_skoop.cluster.raw import mapping
from tests.cluster.policy.test_calico import V3, allow, deny, gnp, np, tier
from tests.cluster.policy.world import World, namespace, pod, policy

A, B, N1, N2, OUT = "pod/shop/a", "pod/shop/b", "node/n1", "node/n2", "8.8.8.8"
ALLOWS = "projectcalico-default-allow"


def node(name: str, *addresses: str) -> Object:
    written = [{"type": "InternalIP", "address": address} for address in addresses]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"addresses": written},
    }


def endpoint(name: str, on: str, *expected: str, device: str = "*", profiles: tuple[str, ...] = ()) -> Object:
    """With the label `host`, whose value is the node."""
    spec = {"node": on, "interfaceName": device, "expectedIPs": [*expected], "profiles": [*profiles]}
    item = policy("HostEndpoint", name, spec, V3)
    return {**item, "metadata": {**mapping(item, "metadata"), "labels": {"host": on}}}


def pools(translate: bool) -> Object:
    spec = {"cidr": "10.0.0.0/16", "natOutgoing": translate}
    return {"apiVersion": V3, "kind": "IPPool", "metadata": {"name": "pool"}, "spec": spec}


def felix(name: str, **spec: object) -> Object:
    kind = "FelixConfiguration.crd.projectcalico.org"
    return {"kind": kind, "metadata": {"name": name}, "spec": spec}


CLUSTER: list[Object] = [
    namespace("shop"),
    node("n1", "192.168.0.1"),
    node("n2", "192.168.0.2"),
    pod("shop/a", "10.0.0.1", {"app": "a"}, nodeName="n1"),
    pod("shop/b", "10.0.0.2", {"app": "b"}, nodeName="n2"),
    pod("shop/on-n2", "192.168.0.2", {"app": "h"}, nodeName="n2", hostNetwork=True),
    pools(False),
]
ON_N2 = endpoint("n2-all", "n2", "192.168.0.2")
TO_HOSTS = "has(host)"
OPEN = gnp("open", order=1, selector=TO_HOSTS, egress=[allow()])

FLOWS: dict[str, tuple[list[Object], str, str, int, str]] = {
    "without host endpoints nodes are free": ([gnp(ingress=[deny()])], OUT, N2, 80, "accept"),
    "one without policies and profiles is closed": ([ON_N2], OUT, N2, 80, "deny"),
    "another node is not": ([ON_N2], OUT, N1, 80, "accept"),
    "nor what it lets out": ([ON_N2], N2, OUT, 80, "deny"),
    "its profile opens it": ([endpoint("e", "n2", profiles=(ALLOWS,))], OUT, N2, 80, "accept"),
    "another profile is not known": ([endpoint("e", "n2", profiles=("p",))], OUT, N2, 80, "unknown"),
    "failsafe ports are open": ([ON_N2], OUT, N2, 22, "accept"),
    "those outwards, too": ([ON_N2], N2, OUT, 6443, "accept"),
    "as FelixConfiguration says": (
        [ON_N2, felix("default", failsafeInboundHostPorts=[{"protocol": "tcp", "port": 80}])],
        OUT,
        N2,
        80,
        "accept",
    ),
    "and not those it leaves out": (
        [ON_N2, felix("default", failsafeInboundHostPorts=[])],
        OUT,
        N2,
        22,
        "deny",
    ),
    "that of the node outweighs": (
        [
            ON_N2,
            felix("default", failsafeInboundHostPorts=[]),
            felix("node.n2", failsafeInboundHostPorts=[{"port": 22, "net": "8.0.0.0/8"}]),
        ],
        OUT,
        N2,
        22,
        "accept",
    ),
    "one that cannot be read is unknown": (
        [ON_N2, felix("default", failsafeInboundHostPorts=[{"port": 0}])],
        OUT,
        N2,
        22,
        "unknown",
    ),
    "a policy selects it by its label": (
        [ON_N2, gnp(selector=TO_HOSTS, ingress=[allow()])],
        OUT,
        N2,
        80,
        "accept",
    ),
    "by another label it does not": (
        [ON_N2, gnp(selector="host == 'n9'", ingress=[allow()])],
        OUT,
        N2,
        80,
        "deny",
    ),
    "pods of the host's network, too": (
        [ON_N2, gnp(selector=TO_HOSTS, ingress=[allow()])],
        OUT,
        "pod/shop/on-n2",
        80,
        "accept",
    ),
    "a policy for all selects it, too": (
        [endpoint("e", "n2", profiles=(ALLOWS,)), gnp(ingress=[deny()])],
        OUT,
        N2,
        80,
        "deny",
    ),
    "one of a namespace does not": (
        [endpoint("e", "n2", profiles=(ALLOWS,)), np(ingress=[deny()])],
        OUT,
        N2,
        80,
        "accept",
    ),
    "nor one that selects namespaces": (
        [endpoint("e", "n2", profiles=(ALLOWS,)), gnp(namespaceSelector="all()", ingress=[deny()])],
        OUT,
        N2,
        80,
        "accept",
    ),
    "global() selects it alone": (
        [endpoint("e", "n2", profiles=(ALLOWS,)), gnp(namespaceSelector="global()", ingress=[deny()])],
        OUT,
        N2,
        80,
        "deny",
    ),
    "a selector that cannot be read": (
        [endpoint("e", "n2", profiles=(ALLOWS,)), gnp(selector="host =", ingress=[deny()])],
        OUT,
        N2,
        80,
        "unknown",
    ),
    "a tier with defaultAction Pass leads to the profile": (
        [
            endpoint("e", "n2", profiles=(ALLOWS,)),
            tier("t", 5, "Pass"),
            gnp("t.p", tier="t", selector=TO_HOSTS),
        ],
        OUT,
        N2,
        80,
        "accept",
    ),
    "untracked policies come before the tiers": (
        [
            ON_N2,
            gnp("late", order=1, selector=TO_HOSTS, ingress=[deny()]),
            gnp("early", order=2, selector=TO_HOSTS, doNotTrack=True, applyOnForward=True, ingress=[allow()]),
        ],
        OUT,
        N2,
        80,
        "accept",
    ),
    "and do not end with a denial": (
        [
            endpoint("e", "n2", profiles=(ALLOWS,)),
            gnp("p", selector=TO_HOSTS, doNotTrack=True, applyOnForward=True, ingress=[deny(protocol="UDP")]),
        ],
        OUT,
        N2,
        80,
        "accept",
    ),
    "untracked comes before preDNAT": (
        [
            ON_N2,
            gnp("a", order=1, selector=TO_HOSTS, preDNAT=True, applyOnForward=True, ingress=[allow()]),
            gnp("b", order=2, selector=TO_HOSTS, doNotTrack=True, applyOnForward=True, ingress=[deny()]),
        ],
        OUT,
        N2,
        80,
        "deny",
    ),
    "failsafe ports come before both": (
        [ON_N2, gnp("p", selector=TO_HOSTS, preDNAT=True, applyOnForward=True, ingress=[deny()])],
        OUT,
        N2,
        22,
        "accept",
    ),
    "preDNAT is for what comes in": (
        [
            endpoint("e", "n2", profiles=(ALLOWS,)),
            gnp("p", selector=TO_HOSTS, preDNAT=True, applyOnForward=True, types=["Egress"], egress=[deny()]),
        ],
        N2,
        OUT,
        80,
        "accept",
    ),
    "which packets pass a device is not known": (
        [endpoint("e", "n2", device="eth1")],
        OUT,
        N2,
        80,
        "unknown",
    ),
    "unless the address is its own": (
        [endpoint("e", "n2", "192.168.0.2", device="eth0")],
        OUT,
        N2,
        80,
        "deny",
    ),
    "a named one outweighs that of all devices": (
        [ON_N2, endpoint("e", "n2", "192.168.0.2", device="eth0", profiles=(ALLOWS,))],
        OUT,
        N2,
        80,
        "accept",
    ),
    "selectors of peers mean its expectedIPs": (
        [ON_N2, OPEN, gnp(selector="app == 'a'", ingress=[allow(source={"selector": TO_HOSTS})])],
        N2,
        A,
        80,
        "accept",
    ),
    "and nothing without them": (
        [
            endpoint("e", "n2"),
            OPEN,
            gnp(selector="app == 'a'", ingress=[allow(source={"selector": TO_HOSTS})]),
        ],
        N2,
        A,
        80,
        "deny",
    ),
    "in a namespace they mean it by global() only": (
        [ON_N2, OPEN, np(selector="app == 'a'", ingress=[allow(source={"selector": TO_HOSTS})])],
        N2,
        A,
        80,
        "deny",
    ),
    "what a node forwards is free without applyOnForward": (
        [ON_N2, gnp(selector=TO_HOSTS, ingress=[deny()])],
        A,
        B,
        80,
        "accept",
    ),
    "with it, it depends on the way": (
        [ON_N2, gnp(selector=TO_HOSTS, applyOnForward=True, ingress=[deny()])],
        A,
        B,
        80,
        "unknown",
    ),
    "what such a policy lets through is left to the pod's own": (
        [
            ON_N2,
            gnp(selector=TO_HOSTS, applyOnForward=True, ingress=[allow()]),
            gnp("b", selector="app == 'b'", ingress=[deny()]),
        ],
        A,
        B,
        80,
        "deny",
    ),
    "and passes without them": (
        [ON_N2, gnp(selector=TO_HOSTS, applyOnForward=True, ingress=[allow()])],
        A,
        B,
        80,
        "accept",
    ),
    "its end denies, too": (
        [ON_N2, gnp(selector=TO_HOSTS, applyOnForward=True, ingress=[allow(protocol="UDP")])],
        A,
        B,
        80,
        "unknown",
    ),
    "not that of a policy before address translation": (
        [ON_N2, gnp(selector=TO_HOSTS, preDNAT=True, applyOnForward=True, ingress=[allow(protocol="UDP")])],
        A,
        B,
        80,
        "accept",
    ),
    "whose denial stands in doubt": (
        [
            ON_N2,
            gnp(
                selector=TO_HOSTS,
                preDNAT=True,
                applyOnForward=True,
                ingress=[deny(source={"nets": [OUT + "/32"]})],
            ),
        ],
        OUT,
        B,
        80,
        "unknown",
    ),
    "pods of other nodes do not pass it": (
        [ON_N2, gnp(selector=TO_HOSTS, applyOnForward=True, ingress=[deny()])],
        OUT,
        A,
        80,
        "accept",
    ),
}


@pytest.mark.parametrize(("written", "source", "destination", "port", "expected"), FLOWS.values(), ids=FLOWS)
def test_flows(written: list[Object], source: str, destination: str, port: int, expected: str) -> None:
    world = World([*CLUSTER, *written])
    found = flows(world.cluster, world.policies, source, destination, str(port), "tcp")
    assert verdict_of(found).value == expected
    connectivity(world.cluster, world.policies)


def test_a_pod_may_come_with_the_address_of_its_node() -> None:
    from_a = gnp(selector=TO_HOSTS, ingress=[allow(source={"selector": "app == 'a'"})])
    for translate, expected in ((False, "accept"), (True, "unknown")):
        written = [*CLUSTER[:-1], pools(translate), ON_N2, from_a]
        world = World(written)
        assert verdict_of(flows(world.cluster, world.policies, A, N2, "80", "tcp")).value == expected


def test_domains_of_a_network_set_are_not_known() -> None:
    item = policy("GlobalNetworkSet", "g", {"allowedEgressDomains": ["example.com"]}, V3)
    domains: Object = {**item, "metadata": {"name": "g", "labels": {"kind": "partner"}}}
    world = World([*CLUSTER, domains, gnp(egress=[allow(destination={"selector": "kind == 'partner'"})])])
    assert verdict_of(flows(world.cluster, world.policies, A, OUT, "80", "tcp")).value == "unknown"


def test_a_policy_is_told_once_for_each_place_where_it_is_asked() -> None:
    forward = gnp("f", selector=TO_HOSTS, applyOnForward=True, ingress=[deny()])
    world = World([*CLUSTER, ON_N2, forward])
    told = [
        (one.policy.name, one.policy.tier.name, [name for each in one.selected for name in each.members])
        for one in reaches(world.cluster, world.policies)
    ]
    hosts = ["shop/on-n2", "n2"]
    assert told == [
        ("f", "default", hosts),
        ("f", "default (applyOnForward)", ["shop/b"]),
        ("n2-all", "failsafe", hosts),
        ("n2-all", "profiles", hosts),
    ]
