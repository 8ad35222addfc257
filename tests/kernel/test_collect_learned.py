"""What packets leave behind in the kernel: learned path MTUs, neighbours that failed, connections."""

import contextlib
import socket
from collections.abc import Iterator
from ipaddress import ip_address

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_FAILED, NUD_INCOMPLETE
from kubectl_skoop.netstack.routing.types import TABLE_MAIN
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.netns import Namespace, await_each, create, delete, entered, lab_prefix

pytestmark = pytest.mark.kernel

IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2
CLIENT = """
link add eth0 type veth peer name c0 netns {router}
link set eth0 up
address add 10.0.1.2/24 dev eth0
address add fd01::2/64 dev eth0 nodad
"""
ROUTER = """
link add s0 mtu 1300 type veth peer name s1
link set c0 up
link set s0 up
link set s1 up
address add 10.0.1.1/24 dev c0
address add 10.0.2.1/24 dev s0
address add fd01::1/64 dev c0 nodad
address add fd02::1/64 dev s0 nodad
"""
ROUTES = "route add default via 10.0.1.1\nroute add default via fd01::1\n"
TRACKING = "-I OUTPUT -m conntrack --ctstate NEW -j ACCEPT"


@pytest.fixture(scope="module")
def client() -> Iterator[NetworkNamespace]:
    prefix = lab_prefix()
    inside, router = Namespace(f"{prefix}c"), Namespace(f"{prefix}r")
    create((inside.name, router.name))
    try:
        router.set_sysctls(
            {"net.ipv4.ip_forward": 1, "net.ipv6.conf.all.forwarding": 1, "net.ipv4.icmp_ratemask": 0}
        )
        inside.run("ip", "-batch", "-", text=CLIENT.format(router=router.name))
        router.run("ip", "-batch", "-", text=ROUTER)
        inside.run("ip", "-batch", "-", text=ROUTES)
        inside.run("iptables-legacy", *TRACKING.split())
        await_each((inside, router))
        with entered(inside.path):
            send_large(socket.AF_INET, "10.0.2.9", (socket.SOL_IP, IP_MTU_DISCOVER))
            send_large(socket.AF_INET6, "fd02::9", (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER))
            send_large(socket.AF_INET, "10.0.1.77", (socket.SOL_IP, IP_MTU_DISCOVER))
        dump = collect_node("n1", inside.path, {})
        yield decode_namespace(dump.namespaces[0], "n1", Place("node", "n1"))
    finally:
        delete((inside.name, router.name))


def send_large(family: int, address: str, discover: tuple[int, int]) -> None:
    """Until the ICMP answer is there: then sending fails for the size."""
    with socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.setsockopt(*discover, PMTUDISC_DO)
        sender.settimeout(0.1)
        for _ in range(5):
            with contextlib.suppress(OSError):
                sender.sendto(bytes(1380), (address, 9))
                sender.recv(1)


@pytest.mark.parametrize("address", ["10.0.2.9", "fd02::9"])
def test_a_learned_path_mtu_is_a_route_exception(client: NetworkNamespace, address: str) -> None:
    learned = [entry for entry in client.exceptions if entry.destination == ip_address(address)]
    via = ip_address("10.0.1.1" if "." in address else "fd01::1")
    assert [(entry.mtu, entry.gateway, entry.table) for entry in learned] == [(1300, via, TABLE_MAIN)]
    assert client.device_name(learned[0].device).startswith("eth")


def test_exceptions_are_no_routes(client: NetworkNamespace) -> None:
    assert not [route for route in client.routes if str(route.destination) in ("10.0.2.9/32", "fd02::9/128")]


def test_a_neighbour_that_does_not_answer_has_no_mac(client: NetworkNamespace) -> None:
    silent = next(entry for entry in client.neighbours if entry.address == ip_address("10.0.1.77"))
    assert (silent.mac, silent.state in (NUD_INCOMPLETE, NUD_FAILED), silent.valid) == ("", True, False)


def test_connections_of_real_packets(client: NetworkNamespace) -> None:
    entry = next(one for one in client.conntrack if one.original.dst == ip_address("10.0.2.9"))
    assert (entry.original.protocol, entry.original.dport) == (Protocol.UDP, 9)
    assert (entry.reply.src, entry.reply.sport) == (entry.original.dst, 9)
    assert entry.tcp_state == ""
