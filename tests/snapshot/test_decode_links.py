"""What the links say of kinds of devices that no lab of this kernel has, and routes into tunnels."""

from typing import Any

import pytest

from kubectl_skoop.collect.netlink.message import pack_attribute
from kubectl_skoop.collect.rtnetlink.route_schema import read_tunnels
from kubectl_skoop.model.packet import TunnelKey
from kubectl_skoop.netstack.device import Device, Macvlan, Netkit
from kubectl_skoop.snapshot.decode.devices import Additions, decode_devices
from kubectl_skoop.snapshot.decode.entry import parse_address
from kubectl_skoop.snapshot.decode.routes import decode_routes


def device(kind: str, data: dict[str, object], **more: object) -> Device:
    link = {"index": 2, "ifname": "d", "flags": 1, "linkinfo": {"kind": kind, "data": data}, **more}
    (found,) = decode_devices([link], str, Additions()).values()
    return found


@pytest.mark.parametrize(
    ("data", "decoded"),
    [
        ({"mode": 4}, Macvlan(4)),
        (
            {"mode": 16, "macaddr_count": 1, "sources": {"macs": ["02:00:00:00:00:01"]}},
            Macvlan(16, frozenset(["02:00:00:00:00:01"])),
        ),
        ({"mode": 16, "macaddr_count": 1}, Macvlan(16, None)),
        ({"mode": 16, "macaddr_count": 0, "flags": 2}, Macvlan(16, frozenset(), alone=True)),
    ],
    ids=["bridge", "source", "an older agent", "nodst"],
)
def test_macvlan(data: dict[str, object], decoded: Macvlan) -> None:
    assert device("macvlan", data).macvlan == decoded


def test_what_else_a_link_says() -> None:
    assert device("netkit", {"policy": 2, "primary": 1}).netkit == Netkit(2, primary=True)
    assert device("veth", {}, promiscuity=1).promiscuous
    bridges = [device("bridge", {"multi_boolopt": {"optval": value}}).bridge for value in (3, 4)]
    assert [bridge is not None and bridge.mst for bridge in bridges] == [False, True]


def route(**encap: Any) -> dict[str, Any]:
    return {
        "family": 2,
        "dst": "10.2.0.0",
        "dst_len": 24,
        "table": 254,
        "type": 1,
        "scope": 253,
        "protocol": 3,
        "tos": 0,
        "src_len": 0,
        "flags": 0,
        "oif": 2,
        **encap,
    }


def test_a_route_into_a_tunnel() -> None:
    told = pack_attribute(1, (7).to_bytes(8, "big")) + pack_attribute(2, bytes([192, 168, 0, 2]))
    fields = route(encap_type=2, encap=told + pack_attribute(3, bytes(4)) + pack_attribute(6, b"\1\5"))
    read_tunnels(fields)
    (decoded,) = decode_routes([fields], {})
    remote = parse_address("192.168.0.2")
    assert decoded.tunnel == TunnelKey(7, remote, df=True, keyed=True, checksum=True)
    assert decoded.encap == ""


@pytest.mark.parametrize(
    ("encap", "name"),
    [({"encap_type": 2, "encap": b"\1\2"}, "ip"), ({"encap_type": 1, "encap": b"\1\2"}, "mpls")],
    ids=["bytes of an older agent", "mpls"],
)
def test_encapsulations_that_say_nothing_we_know(encap: dict[str, object], name: str) -> None:
    (decoded,) = decode_routes([route(**encap)], {})
    assert (decoded.tunnel, decoded.encap) == (None, name)


def test_a_route_with_several_ways_into_tunnels() -> None:
    way = {"flags": 0, "hops": 0, "oif": 2, "encap_type": 2, "encap": {"id": 7, "dst": "192.168.0.2"}}
    fields = {name: value for name, value in route().items() if name != "oif"}
    (decoded,) = decode_routes([{**fields, "multipath": [way, way]}], {})
    assert (decoded.tunnel, decoded.encap) == (None, "ip")
