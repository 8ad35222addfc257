"""What the links say of kinds of devices that no lab of this kernel has, and routes into tunnels."""

import struct
from typing import Any

import pytest

from kubectl_skoop.collect.netlink.message import pack_attribute
from kubectl_skoop.collect.netlink.schema import read_attributes
from kubectl_skoop.collect.rtnetlink.link_schema import KINDS
from kubectl_skoop.collect.rtnetlink.route_schema import read_tunnels
from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.model.packet import TunnelKey
from kubectl_skoop.netstack.device import Device, PortVlan
from kubectl_skoop.netstack.devices.fou_types import FouPort, UdpEncap
from kubectl_skoop.netstack.devices.stacked_types import Macvlan, Netkit
from kubectl_skoop.netstack.devices.team_types import Team, TeamPort
from kubectl_skoop.snapshot.decode.devices import (
    Additions,
    decode_devices,
    decode_vlan_states,
    with_states,
)
from kubectl_skoop.snapshot.decode.entry import parse_address
from kubectl_skoop.snapshot.decode.fou import decode_fou
from kubectl_skoop.snapshot.decode.routes import ROUTES
from kubectl_skoop.snapshot.decode.team import decode_teams


def device(kind: str, data: object, **more: object) -> Device:
    link = {"index": 2, "ifname": "d", "flags": 1, "linkinfo": {"kind": kind, "data": data}, **more}
    (found,) = decode_devices([link], str, Additions({}, {}, {}, {}, {}, {}, {})).values()
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


def test_settings_of_a_kind_that_is_not_known_have_any_form() -> None:
    """The agent passes on as bytes what it cannot take apart, as fb_tunnels of ip6_vti."""
    found = device("vti6", b"\x08\x00\x01\x00")
    assert (found.kind, found.tunnel, found.tunnel6) == ("vti6", None, None)


def test_states_of_vlans() -> None:
    told = [
        {"ifindex": 5, "entries": [{"info": {"vid": 2}, "range": 3, "state": 4}, {"info": {"vid": 9}}]},
        {"ifindex": 5, "entries": [{"info": {"vid": 7}, "state": 2}]},
    ]
    states = decode_vlan_states(told)
    assert states == {5: {2: 4, 3: 4, 7: 2}}
    vlans = {5: (PortVlan(1), PortVlan(3, pvid=True)), 6: (PortVlan(1),)}
    assert with_states(vlans, states) == {
        5: (PortVlan(1), PortVlan(3, pvid=True, state=4)),
        6: (PortVlan(1),),
    }
    assert with_states(vlans, {}) == vlans
    with pytest.raises(FormatError, match="no VLANs: 3 to 5000"):
        decode_vlan_states([{"ifindex": 5, "entries": [{"info": {"vid": 3}, "range": 5000}]}])


def team(*options: dict[str, object]) -> Team:
    (found,) = decode_teams([{"ifindex": 4, "options": list(options)}]).values()
    return found


def test_options_of_a_team() -> None:
    told: list[dict[str, object]] = [
        {"name": "mode", "value": "activebackup"},
        {"name": "activeport", "value": 2},
        {"name": "bpf_hash_func"},
        {"name": "enabled", "port": 2, "value": True},
        {"name": "queue_id", "port": 2, "value": 0},
        {"name": "enabled", "port": 3, "value": False},
        {"name": "user_linkup_enabled", "port": 3, "value": True},
        {"name": "user_linkup", "port": 3, "value": False},
    ]
    assert team(*told) == Team(
        "activebackup", 2, {2: TeamPort(), 3: TeamPort(enabled=False, user_link=False)}
    )
    assert "new" in team({"name": "new", "value": 1}).unmodelled
    assert "queue" in team({"name": "queue_id", "port": 2, "value": 1}).unmodelled


@pytest.mark.parametrize(("encapsulation", "gue"), [(1, False), (2, True)], ids=["fou", "gue"])
@pytest.mark.parametrize(
    ("kind", "number", "ends"),
    [
        ("ipip", 15, {2: "0a000001", 3: "0a000002"}),
        ("sit", 15, {2: "0a000001", 3: "0a000002"}),
        ("ip6tnl", 15, {2: "fd" + 30 * "0", 3: "fd" + 30 * "0"}),
        ("gre", 14, {6: "0a000001", 7: "0a000002"}),
        ("ip6gre", 14, {6: "fd" + 30 * "0", 7: "fd" + 30 * "0"}),
    ],
)
def test_tunnels_in_udp(kind: str, number: int, ends: dict[int, str], encapsulation: int, gue: bool) -> None:
    """IFLA_IPTUN_ENCAP_TYPE, IFLA_GRE_ENCAP_TYPE: TUNNEL_ENCAP_FOU, TUNNEL_ENCAP_GUE (linux/if_tunnel.h)."""
    told = b"".join(pack_attribute(one, bytes.fromhex(address)) for one, address in ends.items())
    plain = device(kind, read_attributes(told, KINDS[kind]))
    told += pack_attribute(number, struct.pack("=H", encapsulation))
    told += pack_attribute(number + 3, struct.pack(">H", 5555))
    in_udp = device(kind, read_attributes(told, KINDS[kind]))
    if plain.tunnel is not None and in_udp.tunnel is not None:
        assert (plain.tunnel.encap, plain.tunnel.unmodelled) == (None, "")
        assert (in_udp.tunnel.encap, in_udp.tunnel.unmodelled) == (UdpEncap(gue, dport=5555), "")
    else:
        assert plain.tunnel6 is not None
        assert in_udp.tunnel6 is not None
        assert not plain.tunnel6.unmodelled
        assert in_udp.tunnel6.unmodelled == "its packets are put into UDP packets (fou, gue)"


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"encap_type": 1, "collect_metadata": True}, "external mode"),
        ({"encap_type": 2, "encap_flags": 4}, "remote checksums"),
        ({"encap_type": 3}, "what it puts its packets into"),
    ],
)
def test_what_is_not_modelled_of_tunnels_in_udp(settings: dict[str, object], told: str) -> None:
    tunnel = device("ipip", settings).tunnel
    assert tunnel is not None
    assert told in tunnel.unmodelled


def test_ports_of_fou() -> None:
    told = [
        {"port": 5555, "af": 2, "ip_proto": 4, "type": 1, "local": "0.0.0.0", "remote": "0.0.0.0"},
        {"port": 6080, "af": 10, "ip_proto": 0, "type": 2, "local6": "fd00::1", "dport": 9, "ifindex": 3},
    ]
    local = parse_address("fd00::1")
    assert decode_fou(told) == (
        FouPort(5555, 4, protocol=4),
        FouPort(6080, 6, gue=True, local=local, peer_port=9, device=3),
    )


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
    (decoded,) = ROUTES.all([fields])
    remote = parse_address("192.168.0.2")
    assert decoded.tunnel == TunnelKey(7, remote, df=True, keyed=True, checksum=True)
    assert decoded.encap == ""


@pytest.mark.parametrize(
    ("encap", "name"),
    [({"encap_type": 2, "encap": b"\1\2"}, "ip"), ({"encap_type": 1, "encap": b"\1\2"}, "mpls")],
    ids=["bytes of an older agent", "mpls"],
)
def test_encapsulations_that_say_nothing_we_know(encap: dict[str, object], name: str) -> None:
    (decoded,) = ROUTES.all([route(**encap)])
    assert (decoded.tunnel, decoded.encap) == (None, name)


def test_a_route_with_several_ways_into_tunnels() -> None:
    way = {"flags": 0, "hops": 0, "oif": 2, "encap_type": 2, "encap": {"id": 7, "dst": "192.168.0.2"}}
    fields = {name: value for name, value in route().items() if name != "oif"}
    (decoded,) = ROUTES.all([{**fields, "multipath": [way, way]}])
    assert (decoded.tunnel, decoded.encap) == (None, "ip")
