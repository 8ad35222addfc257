"""Sizes: what fits, what is cut, what is told and what is lost silently, against the kernel (K-34 to "
"K-39, K-52)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import ROUTED, TUNNELLED

pytestmark = pytest.mark.kernel

TO_B = "10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
FRAG_NEEDED = "icmp 3/4 from 10.1.0.1"
NARROW = "r: link set p1 mtu 1300\nb: link set eth0 mtu 1300"
"""The link behind the router, both ends."""
WIDE_TUNNEL = (
    TUNNELLED.replace("192.168.0.1 dev u dst", "192.168.0.1 dst")
    .replace("192.168.0.2 dev u dst", "192.168.0.2 dst")
    .replace("mtu 1450", "mtu 1500")
)
"""Its vxlan devices are as large as the underlay."""
NO_OFFLOAD = "$ ethtool -K eth0 tso off gso off >/dev/null"

TRAPS = (
    trap(
        "all links carry 1500",
        ROUTED,
        "",
        {
            f"a udp {TO_B} size=1500 df": SERVED,
            f"a icmp {TO_B} size=1500 df": "answer",
            f"a udp {TO_B} size=1501 df": "message too long",
            f"a udp {TO_B} size=4000": SERVED,
            f"a icmp {TO_B} size=4000": "answer",
            f"a tcp {TO_B} bulk": SERVED,
            f"a tcp {TO_B} segment=1500": SERVED,
        },
    ),
    trap("a narrower link behind the router", ROUTED, NARROW, {f"a udp {TO_B} size=1300 df": SERVED}),
    trap(
        "a narrower link: the sender is told",
        ROUTED,
        NARROW,
        {f"a udp {TO_B} size=1301 df": f"message too long, {FRAG_NEEDED}"},
    ),
    trap(
        "a narrower link: an echo that must not be cut",
        ROUTED,
        NARROW,
        {f"a icmp {TO_B} size=1400 df": f"message too long, {FRAG_NEEDED}"},
    ),
    trap("a narrower link: bulk data adapts", ROUTED, NARROW, {f"a tcp {TO_B} bulk": SERVED}),
    trap(
        "a narrower link seen by the server's MSS alone",
        ROUTED,
        NARROW,
        {f"a tcp {TO_B} segment=1500": SERVED},
    ),
    trap(
        "a narrower link in the middle: bulk data is told and adapts",
        ROUTED,
        "r: route add 10.2.0.2 dev p1 mtu 1300",
        {f"a tcp {TO_B} bulk": f"{SERVED}, {FRAG_NEEDED}"},
    ),
    trap(
        "a narrower link in the middle: single segments adapt",
        ROUTED,
        "r: route add 10.2.0.2 dev p1 mtu 1300",
        {f"a tcp {TO_B} segment=1400": f"{SERVED}, {FRAG_NEEDED}"},
    ),
    trap(
        "a black hole: ICMP is dropped on its way to the sender",
        ROUTED,
        "r: route add 10.2.0.2 dev p1 mtu 1300\nr: $ iptables-nft -A OUTPUT -p icmp -j DROP",
        {
            f"a tcp {TO_B} bulk": SERVED.replace("answer", "timeout"),
            f"a tcp {TO_B}": SERVED,
            f"a udp {TO_B} size=1400 df": "timeout",
        },
    ),
    trap(
        "a black hole in the sender's own INPUT",
        ROUTED,
        "r: route add 10.2.0.2 dev p1 mtu 1300\na: $ iptables-nft -A INPUT -p icmp -j DROP",
        {f"a tcp {TO_B} bulk": SERVED.replace("answer", "timeout")},
    ),
    trap(
        "a black hole, but TCPMSS helps (K-36)",
        ROUTED,
        "r: route add 10.2.0.2 dev p1 mtu 1300\nr: $ iptables-nft -A OUTPUT -p icmp -j DROP\n"
        "r: $ iptables-nft -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1260",
        {f"a tcp {TO_B} bulk": SERVED},
    ),
    trap(
        "a datagram is cut by the router",
        ROUTED,
        f"{NARROW}\na: sysctl net.ipv4.ip_no_pmtu_disc=1",
        {f"a udp {TO_B} size=1400": SERVED},
    ),
    trap(
        "FRAG_NEEDED comes though FORWARD drops (K-17)",
        ROUTED,
        "r: route add 10.2.0.2 dev p1 mtu 1300\nr: $ iptables-nft -P FORWARD DROP",
        {f"a udp {TO_B} size=1400 df": f"message too long, {FRAG_NEEDED}", f"a tcp {TO_B}": "timeout"},
    ),
    trap(
        "the peer of a veth is smaller: MTU and 4 bytes pass (K-34)",
        ROUTED,
        "b: link set eth0 mtu 1400",
        {f"a udp {TO_B} size=1404 df": SERVED, f"a udp {TO_B} size=1405 df": "timeout"},
    ),
    trap(
        "the peer of a veth is smaller: bulk passes as the MSS is the server's (K-36)",
        ROUTED,
        "b: link set eth0 mtu 1400",
        {f"a tcp {TO_B} bulk": SERVED},
    ),
    trap(
        "a router's veth is smaller than the sender's: large buffers pass (K-35)",
        ROUTED,
        "r: link set p0 mtu 1400",
        {f"a tcp {TO_B} bulk": SERVED, f"a udp {TO_B} size=1405 df": "timeout"},
    ),
    trap(
        "a router's veth is smaller: without offloads bulk stops (K-35)",
        ROUTED,
        f"r: link set p0 mtu 1400\na: {NO_OFFLOAD}",
        {f"a tcp {TO_B} bulk": "timeout, b sees 10.1.0.2", f"a tcp {TO_B}": SERVED},
    ),
    trap(
        "a router's veth is smaller: TSO off, GSO on",
        ROUTED,
        "r: link set p0 mtu 1400\na: $ ethtool -K eth0 tso off >/dev/null",
        {f"a tcp {TO_B} bulk": "timeout, b sees 10.1.0.2"},
    ),
    trap(
        "a router's veth is smaller: a full single segment stops",
        ROUTED,
        "r: link set p0 mtu 1400",
        {f"a tcp {TO_B} segment=1500": "timeout, b sees 10.1.0.2"},
    ),
    trap(
        "client 9000, server 1500: TCP works (K-36)",
        ROUTED,
        "a: link set eth0 mtu 9000\nr: link set p0 mtu 9000",
        {f"a tcp {TO_B} bulk": SERVED, f"a udp {TO_B} size=8000 df": f"message too long, {FRAG_NEEDED}"},
    ),
    trap(
        "client 9000, router's end 1500: a large echo dies silently",
        ROUTED,
        "a: link set eth0 mtu 9000",
        {f"a icmp {TO_B} size=8000 df": "timeout", f"a tcp {TO_B} bulk": SERVED},
    ),
    trap(
        "a route's own mtu at the sender",
        ROUTED,
        "a: route add 10.2.0.2 via 10.1.0.1 mtu 1200",
        {
            f"a udp {TO_B} size=1201 df": "message too long",
            f"a udp {TO_B} size=1200 df": SERVED,
            f"a tcp {TO_B} bulk": SERVED,
        },
    ),
    trap(
        "advmss of a route",
        ROUTED,
        "b: route replace default via 10.2.0.1 advmss 500",
        {f"a tcp {TO_B} bulk": SERVED},
    ),
    trap(
        "the router does not forward by a learned MTU (K-52)",
        ROUTED,
        "r: route add 10.9.0.9 via 10.2.0.2",
        {f"a udp {TO_B} size=1400 df": SERVED},
    ),
    trap(
        "a large datagram on the way back of an echo",
        ROUTED,
        "b: route add 10.1.0.0/24 via 10.2.0.1 mtu 1300",
        {f"a icmp {TO_B} size=1400": "answer"},
    ),
    trap(
        "a tunnel with room enough",
        TUNNELLED,
        "",
        {
            f"a udp {TO_B} size=1450 df": SERVED,
            f"a udp {TO_B} size=1451 df": f"message too long, {FRAG_NEEDED}",
        },
    ),
    trap(
        "a tunnel: single full segments are told",
        TUNNELLED,
        "",
        {f"a tcp {TO_B} segment=1500": f"{SERVED}, {FRAG_NEEDED}"},
    ),
    trap(
        "a tunnel's device as large as the underlay: the outer is cut (K-39)",
        WIDE_TUNNEL,
        "",
        {
            f"a udp {TO_B} size=1500 df": SERVED,
            f"a tcp {TO_B} segment=1500": SERVED,
            f"a tcp {TO_B} bulk": SERVED,
        },
    ),
    trap(
        "a tunnel with df set: the sender is not told",
        WIDE_TUNNEL.replace("nolearning", "nolearning df set"),
        "",
        {f"a udp {TO_B} size=1500 df": "timeout"},
    ),
    trap(
        "fragments of the outer refused on the underlay",
        WIDE_TUNNEL,
        "n: $ iptables-nft -t raw -A PREROUTING -f -j DROP",
        {f"a udp {TO_B} size=1500 df": "timeout", f"a udp {TO_B} size=1450 df": SERVED},
    ),
    trap(
        "the underlay is smaller at the other end",
        TUNNELLED,
        "n: link set u mtu 1400",
        {
            f"a udp {TO_B} size=1450 df": "timeout",
            f"a udp {TO_B} size=1354 df": SERVED,
            f"a tcp {TO_B} bulk": f"{SERVED}, {FRAG_NEEDED}",
        },
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
