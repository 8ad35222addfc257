"""ARP: who asks with what, who answers, and what a failed entry means, against the kernel (K-57 to K-62)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import BRIDGED, ROUTED

pytestmark = pytest.mark.kernel

TCP = "a tcp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
LOST = "no route to host"
FIRST = "answer, r sees 10.1.0.2"
A, R = "02:00:00:00:01:01", "02:00:00:00:01:02"
NEAR = """
wire a:eth0 r:p0
wire r:p1 b:eth0
a: addr add 10.1.0.2/24 dev eth0
b: addr add 10.1.0.3/24 dev eth0
r: route add 10.1.0.2 dev p0
r: route add 10.1.0.3 dev p1
r: sysctl net.ipv4.ip_forward=1
"""
"""Two hosts that believe to be on one link; the router between them has no address."""
PROXY = "r: sysctl net.ipv4.conf.p0.proxy_arp=1\nr: sysctl net.ipv4.conf.p1.proxy_arp=1"
ON_ONE_LINK = """
wire a:eth0 s:pa
wire b:eth0 s:pb
wire b:eth1 s:pc
s: link add br0 address 02:00:00:00:00:aa type bridge
s: link set pa master br0
s: link set pb master br0
s: link set pc master br0
s: link set br0 up
a: addr add 10.1.0.2/24 dev eth0
b: addr add 10.1.0.3/24 dev eth0
b: addr add 10.1.0.4/24 dev eth1
"""
"""b has two devices on the same link."""


def ignore(mode: int, device: str = "eth0") -> str:
    return f"b: sysctl net.ipv4.conf.{device}.arp_ignore={mode}"


TRAPS = (
    trap(
        "a failed entry is asked for again (K-57)",
        ROUTED,
        "a: link set eth0 down\na: link set eth0 up\na: route replace default via 10.1.0.1\n"
        "a: neigh replace 10.1.0.1 dev eth0 nud failed",
        {TCP: SERVED},
    ),
    trap(
        "a stale entry with a wrong MAC is used",
        ROUTED,
        "a: neigh replace 10.1.0.1 lladdr 02:00:00:00:00:77 dev eth0 nud stale",
        {"a udp 10.2.0.2": "timeout"},
    ),
    trap(
        "a permanent entry with a wrong MAC",
        ROUTED,
        "a: neigh replace 10.1.0.1 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
        {TCP: "timeout"},
    ),
    trap(
        "a wrong MAC for the answer",
        ROUTED,
        "b: neigh replace 10.2.0.1 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
        {TCP: "timeout", "a udp 10.2.0.2": "timeout, b sees 10.1.0.2"},
    ),
    trap(
        "a noarp entry with the right MAC",
        ROUTED,
        f"a: neigh replace 10.1.0.1 lladdr {R} dev eth0 nud noarp\nr: sysctl net.ipv4.conf.p0.arp_ignore=8",
        {TCP: SERVED},
    ),
    trap(
        "nobody has the gateway's address (K-69)",
        ROUTED,
        "a: route replace default via 10.1.0.99",
        {TCP: LOST, "a udp 10.2.0.2": "timeout", "a icmp 10.2.0.2": LOST},
    ),
    trap("a device without ARP", ROUTED, "a: link set eth0 arp off", {TCP: "timeout"}),
    trap(
        "a device without ARP uses the entries that it was given",
        ROUTED,
        f"a: link set eth0 arp off\na: neigh replace 10.1.0.1 lladdr {R} dev eth0 nud permanent\n"
        f"r: neigh replace 10.1.0.2 lladdr {A} dev p0 nud permanent",
        {TCP: SERVED},
    ),
    trap(
        "the loopback device has one entry for all addresses",
        ROUTED,
        "a: neigh replace 10.9.9.9 lladdr 02:00:00:00:00:77 dev lo nud permanent",
        {"a tcp 10.1.0.2": "timeout", "a tcp 127.0.0.1": "timeout", TCP: SERVED},
    ),
    trap("arp_ignore 8 of the gateway", ROUTED, "r: sysctl net.ipv4.conf.p0.arp_ignore=8", {TCP: LOST}),
    trap("arp_ignore 8 of all (K-48)", ROUTED, "r: sysctl net.ipv4.conf.all.arp_ignore=8", {TCP: LOST}),
    trap(
        "arp_ignore 8 of the client: the gateway learned from its question (K-58)",
        ROUTED,
        "a: sysctl net.ipv4.conf.eth0.arp_ignore=8",
        {TCP: SERVED},
    ),
    trap(
        "arp_ignore 8 of the client: the server cannot begin (K-58)",
        ROUTED,
        "a: sysctl net.ipv4.conf.eth0.arp_ignore=8",
        {"b tcp 10.1.0.2": "no route to host, icmp 3/1 from 10.2.0.1"},
    ),
    trap(
        "arp_ignore 0: the address of another device is answered for",
        ROUTED,
        "r: addr add 10.1.0.9/32 dev p1",
        {"a tcp 10.1.0.9": FIRST},
    ),
    trap(
        "arp_ignore 1: not for the address of another device",
        ROUTED,
        "r: addr add 10.1.0.9/32 dev p1\nr: sysctl net.ipv4.conf.p0.arp_ignore=1",
        {"a tcp 10.1.0.9": LOST, TCP: SERVED},
    ),
    trap(
        "arp_ignore 2: the asker is of another subnet",
        ROUTED,
        "a: addr add 10.4.0.2/24 dev eth0\na: route replace 10.1.0.1 dev eth0 src 10.4.0.2\n"
        "r: route add 10.4.0.0/24 dev p0\nr: sysctl net.ipv4.conf.p0.arp_ignore=2",
        {"a tcp 10.1.0.1 from=10.4.0.2": LOST},
    ),
    trap(
        "arp_ignore 2: the asker is of the same subnet",
        ROUTED,
        "r: sysctl net.ipv4.conf.p0.arp_ignore=2",
        {TCP: SERVED},
    ),
    trap(
        "arp_ignore 3: an address of scope host",
        ROUTED,
        "r: addr add 10.1.0.9/32 dev lo scope host\nr: sysctl net.ipv4.conf.p0.arp_ignore=3",
        {"a tcp 10.1.0.9": LOST, TCP: SERVED},
    ),
    trap(
        "arp_announce 0 asks with the packet's source, which has no way back (K-62, K-59)",
        ROUTED,
        "a: addr add 10.66.0.2/32 dev lo\nr: sysctl net.ipv4.conf.p0.rp_filter=1\n"
        "r: route add 10.66.0.2 dev p1",
        {"a tcp 10.1.0.1 from=10.66.0.2": LOST},
    ),
    trap(
        "arp_announce 2 asks with the device's address: then it is IP that is refused",
        ROUTED,
        "a: addr add 10.66.0.2/32 dev lo\na: sysctl net.ipv4.conf.eth0.arp_announce=2\n"
        "r: sysctl net.ipv4.conf.p0.rp_filter=1\nr: route add 10.66.0.2 dev p1",
        {"a tcp 10.1.0.1 from=10.66.0.2": "timeout"},
    ),
    trap(
        "arp_announce 1 asks with a source of the target's subnet only",
        ROUTED,
        "a: addr add 10.66.0.2/32 dev lo\na: sysctl net.ipv4.conf.all.arp_announce=1\n"
        "r: sysctl net.ipv4.conf.p0.rp_filter=1\nr: route add 10.66.0.2 dev p1",
        {"a tcp 10.1.0.1 from=10.66.0.2": "timeout"},
    ),
    trap(
        "the router refuses to answer a source it would not take (K-59)",
        ROUTED,
        "r: sysctl net.ipv4.conf.p0.rp_filter=1\nr: route add 10.1.0.2 dev p1",
        {TCP: LOST},
    ),
    trap("an own address asks (K-46)", ROUTED, "r: addr add 10.1.0.2/32 dev lo", {TCP: LOST}),
    trap(
        "rp_filter for IP behind a permanent neighbour",
        ROUTED,
        "r: sysctl net.ipv4.conf.p0.rp_filter=1\nr: route add 10.1.0.2 dev p1\n"
        f"a: neigh add 10.1.0.1 lladdr {R} dev eth0",
        {TCP: "timeout", "a icmp 10.2.0.2": "timeout"},
    ),
    trap("no proxy_arp", NEAR, "", {"a tcp 10.1.0.3": LOST}),
    trap("proxy_arp", NEAR, PROXY, {"a tcp 10.1.0.3": SERVED, "b tcp 10.1.0.2": "answer, a sees 10.1.0.3"}),
    trap(
        "proxy_arp of all (K-48)", NEAR, "r: sysctl net.ipv4.conf.all.proxy_arp=1", {"a tcp 10.1.0.3": SERVED}
    ),
    trap(
        "proxy_arp without forwarding (K-59)",
        NEAR,
        f"{PROXY}\nr: sysctl net.ipv4.ip_forward=0",
        {"a tcp 10.1.0.3": LOST},
    ),
    trap(
        "proxy_arp with forwarding of the other device only",
        NEAR,
        f"{PROXY}\nr: sysctl net.ipv4.conf.p0.forwarding=0",
        {"a tcp 10.1.0.3": LOST},
    ),
    trap(
        "proxy_arp on one side: the answer finds no way",
        NEAR,
        "r: sysctl net.ipv4.conf.p0.proxy_arp=1",
        {"a tcp 10.1.0.3": "timeout"},
    ),
    trap(
        "proxy_arp, but the route leads back by the same device (K-59)",
        NEAR,
        f"{PROXY}\nr: route replace 10.1.0.3 dev p0",
        {"a tcp 10.1.0.3": LOST},
    ),
    trap(
        "proxy_arp, but the route is a blackhole",
        NEAR,
        f"{PROXY}\nr: route replace blackhole 10.1.0.3",
        {"a tcp 10.1.0.3": LOST},
    ),
    trap(
        "proxy entries without proxy_arp (K-60)",
        NEAR,
        "r: neigh add proxy 10.1.0.3 dev p0\nr: neigh add proxy 10.1.0.2 dev p1",
        {"a tcp 10.1.0.3": SERVED},
    ),
    trap(
        "a proxy entry for another device (K-60)",
        NEAR,
        "r: neigh add proxy 10.1.0.3 dev p1",
        {"a tcp 10.1.0.3": LOST},
    ),
    trap(
        "proxy_arp_pvlan answers by the same device",
        BRIDGED,
        "r: sysctl net.ipv4.conf.br0.proxy_arp_pvlan=1\n"
        "r: $ bridge link set dev pa isolated on; bridge link set dev pb isolated on",
        {"a tcp 10.1.0.3": SERVED},
    ),
    trap(
        "without proxy_arp_pvlan the isolated stay apart",
        BRIDGED,
        "r: sysctl net.ipv4.conf.br0.proxy_arp=1\n"
        "r: $ bridge link set dev pa isolated on; bridge link set dev pb isolated on",
        {"a tcp 10.1.0.3": LOST},
    ),
    trap(
        "arp_filter: only the device that the answer would leave by",
        ON_ONE_LINK,
        "b: sysctl net.ipv4.conf.all.arp_filter=1\nb: route replace 10.1.0.2 dev eth1",
        {"a tcp 10.1.0.3": SERVED},
    ),
    trap(
        "arp_filter: no device would be left by",
        ROUTED,
        "r: sysctl net.ipv4.conf.p0.arp_filter=1\nr: route add 10.1.0.2 dev p1",
        {TCP: LOST},
    ),
    trap(
        "arp_ignore 1 on two devices of one link",
        ON_ONE_LINK,
        "b: sysctl net.ipv4.conf.all.arp_ignore=1",
        {"a tcp 10.1.0.3": SERVED, "a tcp 10.1.0.4": SERVED},
    ),
    trap(
        "an ARP table that lets all pass",
        ROUTED,
        "r: $ nft 'add table arp f; add chain arp f i { type filter hook input priority 0; }'",
        {TCP: SERVED},
    ),
    trap(
        "ARP of br_netfilter (nf_call_arptables) without rules",
        BRIDGED,
        "r: sysctl net.bridge.bridge-nf-call-arptables=1",
        {"a tcp 10.1.0.3": SERVED},
    ),
    trap("the limited broadcast address", ROUTED, "", {"a udp 255.255.255.255": "permission denied"}),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
