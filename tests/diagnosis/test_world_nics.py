"""Which devices are on the network between the nodes."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.diagnosis.walk.world import underlay_ports
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import Device, InterfaceAddress
from kubectl_skoop.netstack.namespace import NetworkNamespace

MAC = "02:00:00:00:00:01"
NIC = Device(index=2, name="eth0", mac=MAC)
AWAY = Device(index=2, name="eth0", kind="veth", mac=MAC, link=7, link_netns="unmapped:3")
TO_NODE = Device(index=3, name="veth1", kind="veth", link=8, link_netns="n1/4:1")
TO_NOBODY = Device(index=3, name="veth1", kind="veth", link=8, link_netns="unmapped:4")

CASES = {
    "a node's NIC": ("node/n1", (NIC,), ("eth0",)),
    "a node's veth to where nobody looked": ("node/n1", (AWAY,), ("eth0",)),
    "a pod's own NIC": ("pod/default/a", (NIC,), ("eth0",)),
    "a pod's veth to where nobody looked, beside one to its node": (
        "pod/default/a",
        (AWAY, TO_NODE),
        ("eth0",),
    ),
    "a pod whose node is not recognised": ("pod/default/a", (AWAY, TO_NOBODY), ()),
    "a pod with that veth alone": ("pod/default/a", (AWAY,), ()),
    "a NIC without a MAC": ("pod/default/a", (Device(index=2, name="tun0"),), ()),
}


@pytest.mark.parametrize(("place", "devices", "expected"), CASES.values(), ids=CASES)
def test_on_the_underlay(place: str, devices: tuple[Device, ...], expected: tuple[str, ...]) -> None:
    kind, _, name = place.partition("/")
    ns = NetworkNamespace(
        id="n1/4:9",
        place=Place("node" if kind == "node" else "pod", name),
        node="n1",
        devices={device.index: device for device in devices},
        addresses=(InterfaceAddress(device=2, address=ip_address("10.244.1.2"), prefix=24),),
    )
    assert tuple(port.device.name for port in underlay_ports(ns)) == expected


PORT = replace(TO_NOBODY, master=4)
SECOND = replace(AWAY, index=5, name="eth1")
UNADDRESSED = {
    "the only way out": ((AWAY,), ("eth0",)),
    "the only way out, beside a pod that was collected": ((AWAY, TO_NODE), ("eth0",)),
    "one of two that lead to where nobody looked": ((AWAY, TO_NOBODY), ()),
    "beside a NIC": ((NIC, TO_NOBODY), ("eth0",)),
    "a port of a bridge": ((PORT,), ()),
}


@pytest.mark.parametrize(("devices", "expected"), UNADDRESSED.values(), ids=UNADDRESSED)
def test_a_veth_of_a_node_without_an_address(devices: tuple[Device, ...], expected: tuple[str, ...]) -> None:
    indexed = {device.index: device for device in devices}
    ns = NetworkNamespace(id="n1/4:1", place=Place("node", "n1"), node="n1", devices=indexed)
    assert tuple(port.device.name for port in underlay_ports(ns)) == expected


def test_a_nic_of_a_node_that_lost_its_address_leads_where_another_does() -> None:
    devices = {device.index: device for device in (AWAY, TO_NOBODY, SECOND)}
    own = (InterfaceAddress(device=2, address=ip_address("10.244.1.2"), prefix=24),)
    ns = NetworkNamespace(id="n1/4:1", place=Place("node", "n1"), node="n1", devices=devices, addresses=own)
    assert [port.device.name for port in underlay_ports(ns)] == ["eth0", "eth1"]


def test_a_veth_of_a_pod_without_an_address_is_none() -> None:
    devices = {device.index: device for device in (AWAY, TO_NODE)}
    ns = NetworkNamespace(id="n1/4:9", place=Place("pod", "default/a"), node="n1", devices=devices)
    assert list(underlay_ports(ns)) == []
