"""IPv6 between known neighbours as the kernel does it; unknown where neighbours must be discovered."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import ROUTED6

pytestmark = pytest.mark.kernel

TCP, UDP, PING = "a tcp [fd02::2]:80", "a udp [fd02::2]:53", "a icmp [fd02::2]"
SERVED = "answer, b sees fd01::2"
NARROW = "r: link set p1 mtu 1300"
WARM = ("a udp [fd02::2]:9", "b udp [fd01::2]:9")
MUTE = "r: $ ip6tables-nft -A OUTPUT -p icmpv6 --icmpv6-type packet-too-big -j DROP"
CLAMP = "r: $ ip6tables-nft -t mangle -A FORWARD -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss"
DROP = "r: $ ip6tables-nft -A FORWARD -d fd02::2 -j"
CASES = {
    "healthy": ("", {TCP: SERVED, UDP: SERVED, PING: "answer", "a tcp [fd02::2]:80 bulk": SERVED}),
    "closed ports": (
        "",
        {
            "a tcp [fd02::2]:81": "connection refused",
            "a udp [fd02::2]:54": "connection refused, icmp 1/4 from fd02::2",
        },
    ),
    "no route on the way": (
        "",
        {
            "a tcp [fd03::2]:80": "network is unreachable, icmp 1/0 from fd01::1",
            "a icmp [fd03::2]": "network is unreachable, icmp 1/0 from fd01::1",
        },
    ),
    "a route to lo that is not local, on the way": (
        "r: route add fd09::/64 dev lo",
        {
            "a tcp [fd09::1]:80": "network is unreachable, icmp 1/0 from fd01::1",
            "a icmp [fd09::1]": "network is unreachable, icmp 1/0 from fd01::1",
            "r icmp [fd09::1]": "network is unreachable",
            "r tcp [fd09::1]:80": "network is unreachable",
            "r udp [fd09::1]:53": "timeout",
        },
    ),
    "a route to lo that is not local, on the way back": (
        "r: route add fd01::2/128 dev lo",
        {"a tcp [fd01::1]:80": "timeout", "a icmp [fd01::1]": "timeout", "a udp [fd01::1]:53": "timeout"},
    ),
    "a blackhole on the way": ("r: route add blackhole fd02::2/128", {TCP: "timeout", UDP: "timeout"}),
    "prohibit on the way": (
        "r: route add prohibit fd02::2/128",
        {TCP: "permission denied, icmp 1/1 from fd01::1", UDP: "permission denied, icmp 1/1 from fd01::1"},
    ),
    "unreachable on the way": (
        "r: route add unreachable fd02::2/128",
        {UDP: "timeout, icmp 1/0 from fd01::1"},
    ),
    "no forwarding": ("r: sysctl net.ipv6.conf.all.forwarding=0", {TCP: "timeout", PING: "timeout"}),
    "a REJECT on the way": (
        f"{DROP} REJECT",
        {TCP: "connection refused, icmp 1/4 from fd01::1", UDP: "connection refused, icmp 1/4 from fd01::1"},
    ),
    "a REJECT with adm-prohibited": (
        f"{DROP} REJECT --reject-with icmp6-adm-prohibited",
        {TCP: "permission denied, icmp 1/1 from fd01::1"},
    ),
    "a REJECT with tcp-reset": (
        "r: $ ip6tables-nft -A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        {TCP: "connection refused", UDP: SERVED},
    ),
    "a DROP on the way": (f"{DROP} DROP", {TCP: "timeout", UDP: "timeout", PING: "timeout"}),
    "a narrower link": (f"{NARROW}\nb: link set eth0 mtu 1300", {"a tcp [fd02::2]:80 bulk": SERVED}),
    "a narrower link: a datagram": (
        NARROW,
        {
            "a udp [fd02::2]:53 size=1400": "message too long, icmp 2/0 from fd01::1",
            "a udp [fd02::2]:53 size=1300": SERVED,
        },
    ),
    "a narrower link in the middle: bulk data adapts": (
        NARROW,
        {"a tcp [fd02::2]:80 bulk": f"{SERVED}, icmp 2/0 from fd01::1"},
    ),
    "a black hole": (
        f"{NARROW}\nr: $ ip6tables-nft -A OUTPUT -p icmpv6 --icmpv6-type packet-too-big -j DROP",
        {"a tcp [fd02::2]:80 bulk": "timeout, b sees fd01::2"},
    ),
    "a black hole that a smaller MSS avoids": (
        f"{NARROW}\n{MUTE}\n{CLAMP} 1240",
        {"a tcp [fd02::2]:80 bulk": SERVED},
    ),
    "a black hole for which the MSS is not small enough": (
        f"{NARROW}\n{MUTE}\n{CLAMP} 1250",
        {"a tcp [fd02::2]:80 bulk": "timeout, b sees fd01::2"},
    ),
    "rules for lengths": (
        "b: $ ip6tables-nft -A INPUT -p udp -m length ! --length 52 -j DROP\n"
        "b: $ ip6tables-nft -A INPUT -p icmpv6 --icmpv6-type 128 -m length ! --length 104 -j DROP\n"
        "b: $ ip6tables-nft -A INPUT -p tcp --syn -m length ! --length 72:80 -j DROP",
        {UDP: SERVED, PING: "answer", TCP: SERVED},
    ),
    "masqueraded": (
        "r: $ ip6tables-nft -t nat -A POSTROUTING -o p1 -j MASQUERADE",
        {TCP: "answer, b sees fd02::1", "a udp [fd02::2]:54": "connection refused, icmp 1/4 from fd02::2"},
    ),
    "a service": (
        "r: $ ip6tables-nft -t nat -A PREROUTING -d fd96::1 -j DNAT --to-destination fd02::2",
        {
            "a tcp [fd96::1]:80": SERVED,
            "a udp [fd96::1]:54": "connection refused, icmp 1/4 from fd96::1",
            "a icmp [fd96::1]": "answer",
        },
    ),
    "echo requests are ignored": (
        "b: sysctl net.ipv6.icmp.echo_ignore_all=1",
        {PING: "timeout", TCP: SERVED},
    ),
    "the loopback address": (
        "",
        {
            "b tcp [::1]:80": "answer, b sees ::1",
            "b tcp [::1]:81": "connection refused",
            "b icmp [::1]": "answer",
        },
    ),
}
TRAPS = (
    *(
        trap(title, ROUTED6, condition, flows, warm=WARM, ipv6=True)
        for title, (condition, flows) in CASES.items()
    ),
    trap(
        "nobody is known yet",
        ROUTED6,
        "",
        {TCP: f"{SERVED}", UDP: f"{SERVED}", PING: "answer"},
        ipv6=True,
    ),
    trap(
        "nobody answers",
        ROUTED6,
        "",
        {"a tcp [fd02::99]:80": "no route to host, icmp 1/3 from fd01::1"},
        ipv6=True,
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
