"""What Terway wants of pods on an ipvlan and no packet shows, since the VPC leads round it.

Their labs run in the guest: `tests/kernel/guest/test_terway_apart.py`.
"""

from dataclasses import replace
from typing import Any

import pytest

from kubectl_skoop.api import Device
from kubectl_skoop.netstack.devices.stacked_types import Ipvlan
from kubectl_skoop.netstack.neighbours.neighbour_types import Neighbour
from kubectl_skoop.testing.objects import cluster_objects, daemon_set
from kubectl_skoop.testing.topology import standard
from kubectl_skoop.testing.vpc import VpcNode
from tests.diagnosis.vpc_pods import (
    EVERYWHERE,
    LO,
    NODE,
    NODE_ADDRESS,
    POD,
    POD_ADDRESS,
    ROUTER,
    Case,
    State,
    address,
    check,
    namespace,
    route,
    sysctls,
    without_device,
    without_neighbours,
    without_route,
)

MAC, OTHER = "02:00:00:00:01:01", "02:00:00:00:01:99"
ETH0 = Device(index=2, name="eth0", mac="02:00:00:00:00:01")
ENI = Device(index=3, name="eth1", mac=MAC)


def objects() -> list[Any]:
    made = cluster_objects("terway-eniip", standard(node=VpcNode))
    return [*made, daemon_set("terway-eniip", "kube-system", 2, {"name": "terway"})]


def ipvlan() -> State:
    """The pod's eth0 and the node's own ipvl_3 on top of eth1."""
    slave = Device(index=4, name="ipvl_3", kind="ipvlan", mac=MAC, link=3, ipvlan=Ipvlan(mode=0))
    node = namespace(
        NODE,
        [LO, ETH0, ENI, slave],
        addresses=(address(2, NODE_ADDRESS, 24), address(4, NODE_ADDRESS)),
        routes=(route(EVERYWHERE, 2, ROUTER), route(f"{POD_ADDRESS}/32", 4)),
        sysctls=sysctls("eth0", "eth1", "ipvl_3"),
    )
    inside = replace(slave, index=2, name="eth0", link_netns=node.id)
    pod = namespace(
        POD,
        [LO, inside],
        addresses=(address(2, POD_ADDRESS, 24),),
        routes=(route(EVERYWHERE, 2, ROUTER), route(f"{NODE_ADDRESS}/32", 2)),
        neighbours=(Neighbour(device=2, address=NODE_ADDRESS, mac=MAC, state=0x80),),
    )
    return {NODE: node, POD: pod}


IPVLAN = {
    "the node's ipvlan is gone": Case(NODE, without_device("ipvl_3"), "terway.device.missing", "ipvl_3"),
    "the node's ipvlan without address": Case(
        NODE,
        lambda ns: replace(ns, addresses=ns.addresses[:1]),
        "terway.address.missing",
        "10.244.1.10",
    ),
    "no route to the pod": Case(
        NODE, without_route(f"{POD_ADDRESS}/32"), "terway.route.missing", "10.244.1.2/32"
    ),
    "no route to the node": Case(
        POD, without_route(f"{NODE_ADDRESS}/32"), "terway.route.missing", "10.244.1.10/32"
    ),
    "no neighbour for the node": Case(POD, without_neighbours, "terway.neighbour.missing", "10.244.1.10"),
    "another MAC for the node": Case(
        POD,
        lambda ns: replace(ns, neighbours=(ns.neighbours[0]._replace(mac=OTHER),)),
        "terway.neighbour.differs",
        MAC,
    ),
}


@pytest.mark.parametrize("case", IPVLAN.values(), ids=IPVLAN)
def test_a_fault_of_ipvlan_is_named(make_context: Any, case: Case) -> None:
    check(make_context, objects(), ipvlan(), case)
