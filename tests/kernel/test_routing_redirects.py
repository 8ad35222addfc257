"""A gateway that a redirect told is used for that destination alone, here as in the kernel."""

import socket
import struct
import time
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.output import OutputRoute, route_output
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.frame import checksum
from kubectl_skoop.testing.netns import SETTLE, LabError, Namespace, create, delete, entered, lab_prefix
from kubectl_skoop.testing.route_oracle import RouteOracle
from tests.kernel.router import collected

pytestmark = pytest.mark.kernel

HERE, GATEWAY, BETTER = "10.1.0.2", "10.1.0.1", "10.1.0.3"
TOLD, OTHER = "10.9.0.1", "10.9.0.2"
MAC, ROUTER_MAC = "02:00:00:00:00:02", "02:00:00:00:00:01"
LINES = f"""link set lo up
link add v0 address {MAC} type veth peer name p0
link set v0 up
link set p0 up
addr add {HERE}/24 dev v0
route add default via {GATEWAY}
neigh add {GATEWAY} lladdr {ROUTER_MAC} dev v0 nud permanent
neigh add {BETTER} lladdr 02:00:00:00:00:03 dev v0 nud permanent
"""


def redirect() -> bytes:
    """The frame of an ICMP redirect for hosts (RFC 792), about an answer to an echo request: what the kernel
    sent itself needs no socket (icmp_err)."""
    quoted = _ip(HERE, TOLD, 1, struct.pack("!BBHHH", 0, 0, 0, 7, 1))
    body = struct.pack("!BBH4s", 5, 1, 0, socket.inet_aton(BETTER)) + quoted
    body = body[:2] + struct.pack("!H", checksum((body,))) + body[4:]
    macs = bytes.fromhex((MAC + ROUTER_MAC).replace(":", ""))
    return macs + b"\x08\0" + _ip(GATEWAY, HERE, 1, body)


def _ip(source: str, destination: str, protocol: int, body: bytes) -> bytes:
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0) + ends
    return head[:10] + struct.pack("!H", checksum((head,))) + head[12:] + body


@pytest.fixture(scope="module")
def node() -> Iterator[Namespace]:
    made = Namespace(f"{lab_prefix()}rd")
    create([made.name])
    try:
        made.run("ip", "-batch", "-", text=LINES)
        settings = {"accept_redirects": 1, "secure_redirects": 0, "forwarding": 0, "rp_filter": 0}
        for device in ("all", "v0"):
            made.set_sysctls({f"net.ipv4.conf.{device}.{key}": value for key, value in settings.items()})
        with entered(made.path), socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as tap:
            tap.bind(("p0", 0))
            end = time.monotonic() + SETTLE
            while BETTER not in made.run("ip", "route", "show", "cache"):
                if time.monotonic() > end:
                    raise LabError("the redirect was not taken")
                tap.send(redirect())
        yield made
    finally:
        delete([made.name])


@pytest.mark.parametrize(("destination", "gateway"), [(TOLD, BETTER), (OTHER, GATEWAY)])
def test_the_gateway_of_a_redirect_is_used(node: Namespace, destination: str, gateway: str) -> None:
    ns = collected(node)
    with RouteOracle(node.path) as oracle:
        answer = oracle.ask_way(FlowKey(dst=ip_address(destination))).route
    assert answer is not None
    assert str(answer.nexthops[0].gateway) == gateway
    assert _nexthop(ns, destination) == gateway


def test_an_exception_of_another_table_or_device_is_not_used(node: Namespace) -> None:
    ns = collected(node)
    (learned,) = (entry for entry in ns.exceptions if str(entry.gateway) == BETTER)
    for other in (learned._replace(table=100), learned._replace(device=learned.device + 1)):
        assert _nexthop(replace(ns, exceptions=(other,)), TOLD) == GATEWAY


def _nexthop(ns: NetworkNamespace, destination: str) -> str:
    way = route_output(Stack(ns, Choices()), FlowKey(dst=ip_address(destination)))
    assert isinstance(way, OutputRoute)
    return str(way.nexthop)
