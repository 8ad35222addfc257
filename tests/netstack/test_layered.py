"""Devices on top of NICs and below them, between nodes: the guest's labs have no nodes."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import IFF_LOWER_UP, IFF_NOARP, IFF_UP, Device, Vlan
from kubectl_skoop.netstack.devices.fou_types import FouPort, UdpEncap
from kubectl_skoop.netstack.devices.stacked_types import Bond, BondPort, Ipvlan, Macvlan
from kubectl_skoop.netstack.devices.team_types import Team
from kubectl_skoop.netstack.devices.tunnel_types import IpTunnel
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_PERMANENT, Neighbour
from kubectl_skoop.netstack.routing.types import Nexthop, Route
from tests.netstack.builders import End, end_device, host, mac, walk

TCP = "p tcp 10.8.0.3"
SERVED, NEAR = "answer, q sees 10.8.0.2", "no route to host"


def node(name: str, address: str) -> NetworkNamespace:
    nic = Device(index=2, name="eth0", mac=mac(name, 2))
    made = host(name, devices=(nic,), addresses={2: address})
    return replace(made, place=Place("node", name))


def pod(name: str, below: str, address: str, **settings: object) -> NetworkNamespace:
    own = mac(below if "ipvlan" in settings else name, 2)
    device = Device(index=2, name="eth0", mac=own, link=2, link_netns=f"lab/{below}", **settings)  # type: ignore[arg-type]
    return host(name, devices=(device,), addresses={2: address})


def two_nodes(**settings: object) -> dict[str, NetworkNamespace]:
    """p 10.8.0.2 on top of m's NIC, q 10.8.0.3 on top of n's."""
    return {
        "p": pod("p", "m", "10.8.0.2/24", **settings),
        "m": node("m", "10.8.0.1/24"),
        "n": node("n", "10.8.0.4/24"),
        "q": pod("q", "n", "10.8.0.3/24", **settings),
    }


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param({"kind": "macvlan", "macvlan": Macvlan(mode=4)}, id="macvlan"),
        pytest.param({"kind": "ipvlan", "ipvlan": Ipvlan(mode=0)}, id="ipvlan"),
        pytest.param({"kind": "vlan", "vlan": Vlan(id=7)}, id="vlan"),
    ],
)
def test_pods_on_top_of_the_nics_of_two_nodes(settings: dict[str, object]) -> None:
    assert walk(two_nodes(**settings), TCP) == SERVED


def test_an_address_that_no_pod_has_may_be_outside() -> None:
    hosts = two_nodes(kind="macvlan", macvlan=Macvlan(mode=4))
    told = walk(hosts, "p tcp 10.8.0.9")
    assert told == "unknown: whether 10.8.0.9 is on the network of eth0 is not known"


def test_a_node_below_that_was_not_collected() -> None:
    hosts = two_nodes(kind="macvlan", macvlan=Macvlan(mode=4))
    del hosts["m"]
    assert walk(hosts, TCP).startswith("unknown: the device below eth0 of pod/lab/p was not collected")


def routed_by_nodes(mode: int, *, private: bool = False) -> dict[str, NetworkNamespace]:
    """p 10.9.1.2 and r 10.9.1.3 on top of m's device, q 10.9.2.2 on top of n's, with routes on m and n."""
    homes = {"p": ("m", "10.9.1.2/24"), "r": ("m", "10.9.1.3/24"), "q": ("n", "10.9.2.2/24")}
    default = Route(destination=ip_network("0.0.0.0/0"), nexthops=(Nexthop(device=2),))
    pods = {
        name: pod(
            name,
            below,
            address,
            kind="ipvlan",
            ipvlan=Ipvlan(mode, private),
            flags=IFF_UP | IFF_LOWER_UP | IFF_NOARP,
        )
        for name, (below, address) in homes.items()
    }
    nodes = {
        "m": host("m", End(name="eth0", index=2, peer=("n", 2), address="10.8.0.1/24")),
        "n": host("n", End(name="eth0", index=2, peer=("m", 2), address="10.8.0.4/24")),
    }
    for name, (network, gateway) in {
        "m": ("10.9.2.0/24", "10.8.0.4"),
        "n": ("10.9.1.0/24", "10.8.0.1"),
    }.items():
        way = Nexthop(device=2, gateway=ip_address(gateway))
        route = Route(destination=ip_network(network), nexthops=(way,))
        nodes[name] = replace(nodes[name], routes=(*nodes[name].routes, route))
    return nodes | {name: replace(made, routes=(*made.routes, default)) for name, made in pods.items()}


@pytest.mark.parametrize("mode", [pytest.param(1, id="l3"), pytest.param(2, id="l3s")])
def test_nodes_route_for_pods_on_top_of_their_nics(mode: int) -> None:
    hosts = routed_by_nodes(mode)
    assert walk(hosts, "p tcp 10.9.2.2") == "answer, q sees 10.9.1.2"
    assert walk(hosts, "p tcp 10.9.1.3") == "answer, r sees 10.9.1.2"


def test_private_pods_on_one_nic_do_not_hear_each_other() -> None:
    hosts = routed_by_nodes(1, private=True)
    assert walk(hosts, "p tcp 10.9.1.3") == "timeout"
    assert walk(hosts, "p tcp 10.9.2.2") == "answer, q sees 10.9.1.2"


@pytest.mark.parametrize(
    ("macvlan", "told"),
    [
        pytest.param(Macvlan(mode=16, sources=frozenset([mac("p", 2), mac("q", 2)])), SERVED, id="listed"),
        pytest.param(Macvlan(mode=16), NEAR, id="not listed"),
    ],
)
def test_mode_source_takes_what_its_macs_send(macvlan: Macvlan, told: str) -> None:
    assert walk(two_nodes(kind="macvlan", macvlan=macvlan), TCP) == told


@pytest.mark.parametrize("macvlan", [Macvlan(mode=16, sources=None), Macvlan(mode=32)], ids=["older", "mode"])
def test_what_of_a_macvlan_was_not_collected_or_is_not_modelled(macvlan: Macvlan) -> None:
    assert walk(two_nodes(kind="macvlan", macvlan=macvlan), TCP).startswith("unknown: ")


def test_mode_passthru_has_what_is_for_the_device_below() -> None:
    hosts = two_nodes(kind="macvlan", macvlan=Macvlan(mode=8))
    for name in ("m", "n"):
        below = replace(hosts[name].devices[2], promiscuous=True)
        hosts[name] = replace(hosts[name], devices={**hosts[name].devices, 2: below})
    assert walk(hosts, TCP) == SERVED
    assert walk(hosts, "p tcp 10.8.0.4") == "timeout"


def test_the_program_behind_a_macvtap_is_not_seen() -> None:
    tap = {"kind": "macvtap", "macvlan": Macvlan(mode=4)}
    hosts = two_nodes(**tap) | {"q": pod("q", "m", "10.8.0.3/24", **tap)}
    assert walk(hosts, TCP) == SERVED
    machine = Neighbour(device=2, address=ip_address("10.8.0.7"), mac=mac("q", 2), state=NUD_PERMANENT)
    hosts["p"] = replace(hosts["p"], neighbours=(machine,))
    assert walk(hosts, "p udp 10.8.0.7").startswith("unknown: the program that holds eth0")


def bonded(**bond: object) -> dict[str, NetworkNamespace]:
    """p's bond has a port to q, and one to r, who has none of the addresses."""
    ends = (
        End(name="p1", index=2, peer=("q", 2), master=4),
        End(name="p2", index=3, peer=("r", 2), master=4),
    )
    made = host(
        "p",
        *ends,
        devices=(Device(index=4, name="bond0", kind="bond", mac=mac("p", 4), bond=Bond(**bond)),),  # type: ignore[arg-type]
        addresses={4: "10.8.0.2/24"},
    )
    ports = {end.index: replace(end_device("p", end), bond_port=BondPort(), mac=mac("p", 4)) for end in ends}
    return {
        "p": replace(made, devices={**made.devices, **ports}),
        "q": host("q", End(name="eth0", index=2, peer=("p", 2), address="10.8.0.3/24")),
        "r": host("r", End(name="eth0", index=2, peer=("p", 3), address="10.8.0.9/24")),
    }


@pytest.mark.parametrize(
    ("bond", "told"),
    [
        ({"mode": 1, "active": 2}, SERVED),
        ({"mode": 1, "active": 3}, NEAR),
        ({"mode": 1, "active": 0}, NEAR),
        ({"mode": 3}, SERVED),
    ],
)
def test_the_port_of_a_bond_that_decides(bond: dict[str, object], told: str) -> None:
    assert walk(bonded(**bond), TCP) == told


def test_ports_that_do_not_agree_are_unknown() -> None:
    assert "unknown: bond0 chooses one of its ports by a hash" in walk(bonded(mode=2), TCP)


def teamed(team: Team | None) -> dict[str, NetworkNamespace]:
    namespaces = bonded()
    of_p = namespaces["p"].devices
    return namespaces | {
        "p": replace(namespaces["p"], devices={**of_p, 4: replace(of_p[4], kind="team", team=team)})
    }


@pytest.mark.parametrize(
    ("team", "reason"),
    [
        (None, "the options of bond0 (team) were not collected"),
        (Team(mode="new"), "bond0 is a team in mode new, which is not modelled"),
        (Team(mode="random", unmodelled="it does so"), "bond0: it does so"),
        (Team(mode="random"), "bond0 chooses one of its ports by a hash"),
    ],
)
def test_what_is_not_known_of_a_team(team: Team | None, reason: str) -> None:
    assert f"unknown: {reason}" in walk(teamed(team), TCP)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(IpTunnel(protocol=47), id="no remote"),
        pytest.param(IpTunnel(protocol=4, unmodelled="its packets are put into UDP packets"), id="fou"),
    ],
)
def test_a_tunnel_with_settings_that_are_not_modelled(config: IpTunnel) -> None:
    flags = IFF_UP | IFF_LOWER_UP | IFF_NOARP
    device = Device(index=2, name="gre0", kind="gre", flags=flags, tunnel=config)
    told = walk({"p": host("p", devices=(device,), addresses={2: "10.8.0.2/24"})}, TCP)
    assert told.startswith("unknown: gre0")


def in_udp(ports: tuple[FouPort, ...] | None) -> str:
    """p sends to q 10.9.0.2 by an ipip tunnel in UDP packets; `ports` are q's."""
    encap = UdpEncap(gue=False, dport=5555)
    hosts = {}
    for name, own, other in (("p", 1, 2), ("q", 2, 1)):
        remote = ip_address(f"10.8.0.{other}")
        tunnel = IpTunnel(protocol=4, local=ip_address(f"10.8.0.{own}"), remote=remote, encap=encap)
        flags = IFF_UP | IFF_LOWER_UP | IFF_NOARP
        made = host(
            name,
            End(name="eth0", index=2, peer=("q" if name == "p" else "p", 2), address=f"10.8.0.{own}/24"),
            devices=(Device(index=3, name="tn", kind="ipip", mtu=1472, flags=flags, tunnel=tunnel),),
            addresses={3: f"10.9.0.{own}/24"},
        )
        hosts[name] = replace(made, fou=(FouPort(5555, 4, protocol=4),) if name == "p" else ports)
    return walk(hosts, "p udp 10.9.0.2")


@pytest.mark.parametrize(
    ("ports", "told"),
    [
        ((FouPort(5555, 4, protocol=4),), "answer, q sees 10.9.0.1"),
        ((FouPort(5555, 4, protocol=4, peer=ip_address("10.8.0.1")),), "answer, q sees 10.9.0.1"),
        ((FouPort(5555, 4, protocol=4, peer=ip_address("10.8.0.7")),), "timeout"),
        ((), "timeout"),
        ((FouPort(5555, 4, protocol=47),), "unknown: what the socket of the kernel on UDP port 5555"),
        ((FouPort(5555, 4, gue=True),), "unknown: what the socket of the kernel on UDP port 5555"),
        ((FouPort(5555, 4, protocol=4, device=9),), "unknown: what the socket of the kernel on UDP port"),
        (None, "unknown: the ports of fou and gue of"),
    ],
)
def test_the_ports_of_a_tunnel_in_udp(ports: tuple[FouPort, ...] | None, told: str) -> None:
    assert in_udp(ports).startswith(told)
