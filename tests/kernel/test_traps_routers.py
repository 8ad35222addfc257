"""Link-local addresses, and the routes that come of router advertisements (K-88, K-89)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import ROUTED6

pytestmark = pytest.mark.kernel

PING, LOST = "a icmp [fd02::2]", "no route to host"
R_LINK = "fe80::ff:fe00:102"
"""The link-local address of r's p0."""
B_LINK = "fe80::ff:fe00:202"
LINKS = {
    "a link-local address": ("", {f"r tcp [{B_LINK}%p1]:80": "answer, b sees fe80::ff:fe00:201"}),
    "a link-local address: datagrams": (
        "",
        {
            f"r udp [{B_LINK}%p1]:53": "answer, b sees fe80::ff:fe00:201",
            f"r icmp [{B_LINK}%p1]": "answer",
            f"r udp [{B_LINK}%p1]:54": f"connection refused, icmp 1/4 from {B_LINK}",
        },
    ),
    "a link-local address: a closed port": ("", {f"r tcp [{B_LINK}%p1]:81": "connection refused"}),
    "a link-local address without a device (K-88)": (
        "",
        {
            f"r tcp [{B_LINK}]:80": "invalid argument",
            f"r udp [{B_LINK}]:53": "invalid argument",
            f"r icmp [{B_LINK}]": "invalid argument",
        },
    ),
    "a link-local address on the wrong link (K-88)": ("", {f"r icmp [{B_LINK}%p0]": LOST}),
    "an own link-local address": (
        "",
        {"r icmp [fe80::ff:fe00:201%p1]": "answer", f"b tcp [{B_LINK}%eth0]:80": f"answer, b sees {B_LINK}"},
    ),
    "an own link-local address of another device": ("", {"r icmp [fe80::ff:fe00:102%p1]": LOST}),
    "the neighbour's link-local address of another device": ("", {"a icmp [fe80::ff:fe00:201%eth0]": LOST}),
    "a link-local source is not forwarded": (
        f"a: addr del fd01::2/64 dev eth0\na: route replace default via {R_LINK} dev eth0",
        {PING: f"no route to host, icmp 1/2 from {R_LINK}"},
    ),
}
ROUTERS = """
wire a:eth0 h:pa
wire r:eth0 h:pr
wire s:eth0 h:ps
h: link add br0 address 02:00:00:00:00:aa type bridge
h: link set pa master br0
h: link set pr master br0
h: link set ps master br0
h: link set br0 up
r: addr add fd01::1/64 dev eth0 nodad
s: addr add fd01::2/64 dev eth0 nodad
r: addr add fd09::1/128 dev lo
s: addr add fd09::1/128 dev lo
r: no-listeners
r: listen tcp 80 ::
s: no-listeners
s: listen tcp 80 ::
a: addr add fd01::9/64 dev eth0 nodad
r: sysctl net.ipv6.conf.all.forwarding=1
s: sysctl net.ipv6.conf.all.forwarding=1
"""
"""a on a link with the routers r and s, each of which has fd09::1."""
FAR = "a tcp [fd09::1]:80"
R_ROUTER, S_ROUTER = "fe80::ff:fe00:201", "fe80::ff:fe00:301"
BY_R, BY_S = "answer, r sees fd01::9", "answer, s sees fd01::9"


def advertise(host: str, preference: int = 0, lifetime: int = 600) -> str:
    """A router advertisement (RFC 4861, 4.2; RFC 4191, 2.2)."""
    return (
        f"{host}: $ python3 -c 'import socket, struct; "
        "s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, 58); "
        's.setsockopt(41, socket.IPV6_MULTICAST_HOPS, 255); i = socket.if_nametoindex("eth0"); '
        f's.sendto(struct.pack("!BBHBBHII", 134, 0, 0, 64, {preference << 3}, {lifetime}, 0, 0), '
        '("ff02::1", 0, 0, i))\''
    )


ADVERTISED = {
    "the first router": (f"{advertise('r')}\n{advertise('s')}", BY_R),
    "the other one first": (f"{advertise('s')}\n{advertise('r')}", BY_S),
    "the second is preferred": (f"{advertise('r')}\n{advertise('s', 1)}", BY_S),
    "the first is for need only": (f"{advertise('r', 3)}\n{advertise('s')}", BY_S),
    "the first does not answer": (
        f"{advertise('r')}\n{advertise('s')}\na: neigh replace {R_ROUTER} dev eth0 nud failed",
        BY_S,
    ),
    "the preferred does not answer": (
        f"{advertise('r', 1)}\n{advertise('s')}\na: neigh replace {R_ROUTER} dev eth0 nud failed",
        BY_S,
    ),
    "neither has answered, and both do now": (
        f"{advertise('r')}\n{advertise('s')}\na: neigh replace {R_ROUTER} dev eth0 nud failed\n"
        f"a: neigh replace {S_ROUTER} dev eth0 nud failed",
        BY_R,
    ),
    "the first is a router no more": (
        f"{advertise('r')}\n{advertise('s')}\n{advertise('r', 0, 0)}",
        BY_S,
    ),
    "the first has expired (K-89)": (
        f"{advertise('r', 1, 1)}\n{advertise('s')}\na: $ sleep 1.2",
        BY_S,
    ),
    "the only one has expired (K-89)": (f"{advertise('r', 0, 1)}\na: $ sleep 1.2", "network is unreachable"),
}
TRAPS = (
    *(trap(title, ROUTED6, condition, flows, ipv6=True) for title, (condition, flows) in LINKS.items()),
    *(
        trap(f"router advertisements: {title}", ROUTERS, condition, {FAR: told}, ipv6=True)
        for title, (condition, told) in ADVERTISED.items()
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
