"""Which socket gets a packet, and from which address it answers, against the kernel (K-63 to K-65)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import ROUTED, awaited

pytestmark = pytest.mark.kernel

TCP, UDP = "a tcp 10.2.0.2", "a udp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
SECOND = "b: no-listeners\nb: addr add 10.2.0.3/24 dev eth0"
ELSEWHERE = "b: addr add 10.5.0.1/32 dev lo\nr: route add 10.5.0.1 via 10.2.0.2"

LATER, BY_R = "r tcp 10.2.0.2:81", "answer, b sees 10.2.0.1"


def half_open(number: int, *settings: str, backlog: int = 1) -> str:
    """As many connections from `a`, which ignores the answers; those beyond the backlog are dropped."""
    begin = "made.setblocking(False); made.connect_ex(('10.2.0.2', 81))"
    there = f"[ $(ss -Htn state syn-recv | wc -l) -ge {min(number, backlog)} ]"
    lines = (
        *(f"b: sysctl net.ipv4.{setting}" for setting in settings),
        f"b: listen tcp 81 backlog={backlog}",
        "a: $ iptables-nft -A INPUT -p tcp --sport 81 -j DROP",
        *[f'a: $ python3 -c "import socket; made = socket.socket(); {begin}"'] * number,
        awaited("b", there),
    )
    return "\n".join(lines)


TRAPS = (
    trap(
        "UDP on the wildcard answers from the route's source (K-63)",
        ROUTED,
        "b: addr add 10.2.0.3/24 dev eth0",
        {"a udp 10.2.0.3": "timeout, b sees 10.1.0.2 | unknown", UDP: SERVED, "a tcp 10.2.0.3": SERVED},
    ),
    trap(
        "UDP bound to the second address (K-63)",
        ROUTED,
        f"{SECOND}\nb: listen udp 53 10.2.0.3",
        {"a udp 10.2.0.3": SERVED, UDP: "connection refused, icmp 3/3 from 10.2.0.2"},
    ),
    trap(
        "UDP on the wildcard at an address of lo (K-63)",
        ROUTED,
        ELSEWHERE,
        {"a udp 10.5.0.1": "timeout, b sees 10.1.0.2 | unknown", "a tcp 10.5.0.1": SERVED},
    ),
    trap(
        "UDP asked by oneself on another own address",
        ROUTED,
        ELSEWHERE,
        {"b udp 10.5.0.1": "answer, b sees 10.5.0.1"},
    ),
    trap(
        "a listener on the loopback address",
        ROUTED,
        "b: no-listeners\nb: listen tcp 80 127.0.0.1\nb: listen udp 53 127.0.0.1",
        {
            TCP: "connection refused",
            UDP: "connection refused, icmp 3/3 from 10.2.0.2",
            "b tcp 127.0.0.1": "answer, b sees 127.0.0.1",
        },
    ),
    trap(
        "a listener on another address",
        ROUTED,
        f"{SECOND}\nb: listen tcp 80 10.2.0.3",
        {TCP: "connection refused", "a tcp 10.2.0.3": SERVED},
    ),
    trap(
        "a listener on all IPv6 addresses takes IPv4",
        ROUTED,
        "b: no-listeners\nb: listen tcp 80 ::\nb: listen udp 53 ::",
        {TCP: SERVED, UDP: SERVED},
    ),
    trap(
        "a listener on IPv6 only (K-65)",
        ROUTED,
        "b: no-listeners\nb: listen tcp 80 :: v6only\nb: listen udp 53 :: v6only",
        {TCP: "connection refused", UDP: "connection refused, icmp 3/3 from 10.2.0.2"},
    ),
    trap(
        "a listener on a mapped address",
        ROUTED,
        "b: no-listeners\nb: listen tcp 80 ::ffff:10.2.0.2",
        {TCP: SERVED},
    ),
    trap(
        "a listener on another mapped address",
        ROUTED,
        f"{SECOND}\nb: listen tcp 80 ::ffff:10.2.0.3",
        {TCP: "connection refused"},
    ),
    trap(
        "a listener bound to the device (K-65)",
        ROUTED,
        "b: no-listeners\nb: listen tcp 80 dev=eth0\nb: listen udp 53 dev=eth0",
        {TCP: SERVED, UDP: SERVED},
    ),
    trap(
        "a listener bound to another device (K-65)",
        ROUTED,
        "b: no-listeners\nb: listen tcp 80 dev=lo\nb: listen udp 53 dev=lo",
        {TCP: "connection refused", UDP: "connection refused, icmp 3/3 from 10.2.0.2"},
    ),
    trap(
        "a listener bound to the device, asked from the same host (K-65)",
        ROUTED,
        "b: no-listeners\nb: listen tcp 80 dev=eth0",
        {"b tcp 10.2.0.2": "answer, b sees 10.2.0.2", "b tcp 127.0.0.1": "connection refused"},
    ),
    trap(
        "a listener bound to lo, asked from the same host (K-65)",
        ROUTED,
        "b: no-listeners\nb: listen tcp 80 dev=lo",
        {"b tcp 10.2.0.2": "connection refused", "b tcp 127.0.0.1": "answer, b sees 127.0.0.1"},
    ),
    trap("half-open connections", ROUTED, half_open(3, "tcp_syncookies=1"), {LATER: BY_R}),
    trap(
        "half-open connections, without cookies", ROUTED, half_open(3, "tcp_syncookies=0"), {LATER: "timeout"}
    ),
    trap(
        "half-open connections, without cookies, and there is room",
        ROUTED,
        half_open(3, "tcp_syncookies=0", backlog=9),
        {LATER: BY_R},
    ),
    trap(
        "the last quarter is for those that were met before",
        ROUTED,
        half_open(7, "tcp_syncookies=0", "tcp_max_syn_backlog=8", backlog=99),
        {LATER: "timeout | unknown"},
    ),
    trap("a full backlog (K-65)", ROUTED, "b: fill tcp 81", {"a tcp 10.2.0.2:81": "timeout", TCP: SERVED}),
    trap(
        "a connected UDP socket of another peer is no listener (K-64)",
        ROUTED,
        "b: no-listeners\nb: connected udp 53 10.2.0.1",
        {UDP: "connection refused, icmp 3/3 from 10.2.0.2"},
    ),
    trap(
        "nothing listens",
        ROUTED,
        "b: no-listeners",
        {TCP: "connection refused", UDP: "connection refused, icmp 3/3 from 10.2.0.2"},
    ),
    trap("the sender's source is none of its own", ROUTED, "", {"a tcp 10.2.0.2 from=10.1.0.2": SERVED}),
    trap(
        "a source bound on another device",
        ROUTED,
        "a: addr add 10.7.0.2/32 dev lo\nr: route add 10.7.0.2 via 10.1.0.2\n"
        "b: route add 10.7.0.2 via 10.2.0.1",
        {"a tcp 10.2.0.2 from=10.7.0.2": "answer, b sees 10.7.0.2"},
    ),
    trap(
        "a rule by source: the connected look up twice (K-42)",
        ROUTED,
        "a: rule add from 10.1.0.2 lookup 7\na: route add unreachable default table 7",
        {TCP: "no route to host", UDP: "no route to host"},
    ),
    trap(
        "a rule by uid",
        ROUTED,
        "a: rule add uidrange 1000-1000 prohibit",
        {UDP: SERVED, "a udp 10.2.0.2 uid=1000": "permission denied"},
    ),
    trap("a multicast destination", ROUTED, "", {"a udp 224.0.0.9": "timeout | unknown"}),
    trap(
        "a broadcast of the server's subnet",
        ROUTED,
        "",
        {"a udp 10.2.0.255": "timeout, r sees 10.1.0.2"},
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
