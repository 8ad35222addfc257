"""WireGuard between two routers: the labs in the emulated machine prove more, and are slow."""

from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.netstack.device import IFF_LOWER_UP, IFF_NOARP, IFF_POINTOPOINT, IFF_UP, Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import Nexthop, Route
from kubectl_skoop.netstack.socket_types import Socket
from kubectl_skoop.netstack.wireguard_types import Wireguard, WireguardPeer
from tests.netstack.builders import End, host, walk

TCP, SERVED, TIMEOUT = "a tcp 10.2.0.2", "answer, b sees 10.1.0.2", "timeout"
LOST = "no route to host, icmp 3/1 from 10.1.0.1"
PORT, TUNNEL = 51820, 4
SOCKET = Socket(protocol=17, state="unconnected", local=ip_address("0.0.0.0"), port=PORT)


def peer(key: str, address: str, *, allowed: str = "10.0.0.0/8", **settings: object) -> WireguardPeer:
    endpoint = (ip_address(address), PORT) if address else None
    return WireguardPeer(key, endpoint, (ip_network(allowed),), **settings)  # type: ignore[arg-type]


def router(name: str, pods: str, own: str, other: str, config: Wireguard) -> NetworkNamespace:
    pod, underlay = (("a", 2), ("n", 3)) if name == "m" else (("b", 2), ("m", 3))
    tunnel = Device(
        index=TUNNEL,
        name="wg0",
        kind="wireguard",
        mtu=1420,
        flags=IFF_UP | IFF_LOWER_UP | IFF_NOARP | IFF_POINTOPOINT,
        wireguard=config,
    )
    made = host(
        name,
        End(name="pod", index=2, peer=pod, address=pods),
        End(name="u", index=3, peer=underlay, address=own),
        devices=(tunnel,),
        routes=(Route(destination=ip_network(other), nexthops=(Nexthop(device=TUNNEL),)),),
        forwarding=True,
    )
    return replace(made, sockets=(*made.sockets, SOCKET._replace(port=config.port)))


def network(left: Wireguard, right: Wireguard) -> dict[str, NetworkNamespace]:
    """a 10.1.0.2 ─ m 192.168.0.1 ─ 192.168.0.2 n ─ 10.2.0.2 b"""
    return {
        "a": host("a", End(name="eth0", index=2, peer=("m", 2), address="10.1.0.2/24"), gateway="10.1.0.1"),
        "m": router("m", "10.1.0.1/24", "192.168.0.1/24", "10.2.0.0/24", left),
        "n": router("n", "10.2.0.1/24", "192.168.0.2/24", "10.1.0.0/24", right),
        "b": host("b", End(name="eth0", index=2, peer=("n", 2), address="10.2.0.2/24"), gateway="10.2.0.1"),
    }


LEFT, RIGHT = Wireguard("m", PORT, 0, (peer("n", "192.168.0.2"),)), Wireguard("n", PORT, 0, (peer("m", ""),))


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        pytest.param(LEFT, RIGHT, SERVED, id="the receiver learns where the sender is"),
        pytest.param(LEFT._replace(peers=(peer("n", ""),)), RIGHT, LOST, id="no endpoint"),
        pytest.param(
            LEFT._replace(peers=(peer("n", "192.168.0.2", allowed="10.3.0.0/16"),)), RIGHT, LOST, id="no peer"
        ),
        pytest.param(LEFT._replace(key=""), RIGHT, TIMEOUT, id="no private key"),
        pytest.param(LEFT, RIGHT._replace(key="new"), TIMEOUT, id="an old key of the receiver"),
        pytest.param(LEFT, RIGHT._replace(peers=(peer("old", ""),)), TIMEOUT, id="an old key of the sender"),
        pytest.param(
            LEFT, RIGHT._replace(peers=(peer("m", "", preshared=True),)), TIMEOUT, id="one preshared key"
        ),
        pytest.param(
            LEFT, RIGHT._replace(peers=(peer("m", "", allowed="10.1.1.0/24"),)), TIMEOUT, id="source"
        ),
        pytest.param(LEFT, RIGHT._replace(port=PORT + 1), TIMEOUT, id="another port"),
    ],
)
def test_who_knows_whom_decides(left: Wireguard, right: Wireguard, told: str) -> None:
    assert walk(network(left, right), TCP) == told


def test_without_digests_of_keys_it_is_not_known_who_sent() -> None:
    """As older agents collected it."""
    left, right = (one._replace(key="", peers=(one.peers[0]._replace(key=""),)) for one in (LEFT, RIGHT))
    assert walk(network(left, right), TCP).startswith("unknown: the keys of wg0")


def test_a_device_without_its_socket_was_made_in_another_namespace() -> None:
    hosts = network(LEFT, RIGHT)
    hosts["m"] = replace(hosts["m"], sockets=hosts["m"].sockets[:-1])
    assert walk(hosts, TCP).startswith("unknown: wg0 was made in another namespace")


def test_a_socket_without_its_device_is_that_of_a_device_which_was_moved() -> None:
    hosts = network(LEFT, RIGHT)
    hosts["n"] = replace(
        hosts["n"], devices={index: one for index, one in hosts["n"].devices.items() if index != TUNNEL}
    )
    assert walk(hosts, TCP).startswith(f"unknown: the WireGuard device of port {PORT} was moved")


def test_devices_whose_endpoints_are_behind_each_other_are_a_loop() -> None:
    hosts = network(LEFT, RIGHT)
    first = hosts["m"].devices[TUNNEL]
    config = Wireguard("k", PORT + 1, 0, (peer("n", "10.2.0.9", allowed="0.0.0.0/0"),))
    second = replace(first, index=5, name="wg1", wireguard=config)
    away = Route(destination=ip_network("192.168.0.2/32"), nexthops=(Nexthop(device=5),))
    hosts["m"] = replace(
        hosts["m"],
        devices={**hosts["m"].devices, 5: second},
        routes=(*hosts["m"].routes, away),
        sockets=(*hosts["m"].sockets, SOCKET._replace(port=PORT + 1)),
    )
    assert "unknown" not in walk(hosts, TCP)


def test_peers_that_were_not_collected_are_not_guessed() -> None:
    hosts = network(LEFT, RIGHT)
    bare = replace(hosts["m"].devices[TUNNEL], wireguard=None)
    hosts["m"] = replace(
        hosts["m"],
        devices={**hosts["m"].devices, TUNNEL: bare},
        gaps={"wireguard": "forbidden: no right"},
    )
    assert walk(hosts, TCP) == "unknown: wireguard of pod/lab/m could not be read: forbidden: no right"
