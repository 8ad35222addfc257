"""A device that refers to an index that is not there ends the packet with that finding, not the program."""

from dataclasses import replace
from ipaddress import ip_network

import pytest

from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import Nexthop, Route
from kubectl_skoop.snapshot.decode.devices import missing_devices
from tests.netstack.builders import bridged, changed, routed, walk

GONE = 99
ELSEWHERE = Route(destination=ip_network("10.2.0.2/32"), nexthops=(Nexthop(device=GONE),))
TCP, BRIDGED = "a tcp 10.2.0.2", "a tcp 10.1.0.3"


def refers(hosts: dict[str, NetworkNamespace], name: str, index: int, **fields: object) -> str:
    ns = hosts[name]
    device = replace(ns.devices[index], **fields)  # type: ignore[arg-type]
    flow = TCP if hosts.keys() == routed().keys() else BRIDGED
    return walk(changed(hosts, name, devices={**ns.devices, index: device}), flow)


@pytest.mark.parametrize("field", ["master", "link"])
@pytest.mark.parametrize(("host", "index"), [("a", 2), ("r", 2), ("r", 3)])
def test_a_device_refers_to_an_index_that_is_not_there(host: str, index: int, field: str) -> None:
    assert refers(routed(), host, index, **{field: GONE}).startswith(("unknown", "no route", "timeout"))


def test_a_route_by_a_device_that_is_not_there() -> None:
    """As it is decoded: with a stand-in."""
    ns = routed()["r"]
    routes = (*ns.routes, ELSEWHERE)
    devices = {**ns.devices, **missing_devices(routes, ns.devices)}
    assert devices.keys() - ns.devices.keys() == {GONE}
    assert (
        walk(changed(routed(), "r", routes=routes, devices=devices), TCP)
        == "unknown: device 99 is not in the snapshot"
    )


def test_a_port_of_a_bridge_that_is_not_there() -> None:
    hosts = bridged()
    assert not refers(hosts, "r", 2, master=GONE).startswith("answer")
