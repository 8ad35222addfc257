"""IPv6 neighbour discovery: who asks from where, who answers (K-81 to K-84, K-87)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import ROUTED6, awaited

pytestmark = pytest.mark.kernel

TCP, UDP, PING = "a tcp [fd02::2]:80", "a udp [fd02::2]:53", "a icmp [fd02::2]"
SERVED = "answer, b sees fd01::2"
LOST = "no route to host"
BEHIND = "no route to host, icmp 1/3 from fd01::1"
"""The router found nobody."""
R = "02:00:00:00:01:02"
R_LINK = "fe80::ff:fe00:102"
"""The link-local address of r's p0."""
NS = "-p icmpv6 --icmpv6-type neighbour-solicitation"
NEAR6 = """
wire a:eth0 r:p0
wire r:p1 b:eth0
a: addr add fd01::2/64 dev eth0 nodad
b: addr add fd01::3/64 dev eth0 nodad
r: route add fd01::2 dev p0
r: route add fd01::3 dev p1
r: sysctl net.ipv6.conf.all.forwarding=1
b: no-listeners
b: listen tcp 80 ::
"""
"""Two hosts that believe to be on one link; the router between them has link-local addresses only."""
NEAR = "a tcp [fd01::3]:80"
ENTRIES = "r: neigh add proxy fd01::3 dev p0\nr: neigh add proxy fd01::2 dev p1"
PROXY = "r: sysctl net.ipv6.conf.p0.proxy_ndp=1\nr: sysctl net.ipv6.conf.p1.proxy_ndp=1"
SLOW_DAD = "sysctl net.ipv6.conf.eth0.accept_dad=1\n{0}: sysctl net.ipv6.conf.eth0.dad_transmits=600"
ROUTED = {
    "nobody is known yet": ("", {TCP: SERVED, UDP: SERVED, PING: "answer"}),
    "both directions": ("", {TCP: SERVED, "b icmp [fd01::2]": "answer"}),
    "nobody has the gateway's address": (
        "a: route replace default via fd01::99",
        {TCP: LOST, UDP: "timeout", PING: LOST},
    ),
    "nobody has the destination's address": (
        "",
        {"a tcp [fd02::99]:80": BEHIND, "a icmp [fd02::99]": BEHIND},
    ),
    "a failed entry is asked for again (K-57)": (
        "a: neigh replace fd01::1 dev eth0 nud failed",
        {TCP: SERVED},
    ),
    "a stale entry is used, right or wrong": (
        "a: neigh replace fd01::1 lladdr 02:00:00:00:00:77 dev eth0 nud stale",
        {UDP: "timeout"},
    ),
    "a stale entry with the right MAC": (
        f"a: neigh replace fd01::1 lladdr {R} dev eth0 nud stale",
        {TCP: SERVED},
    ),
    "a permanent entry with a wrong MAC": (
        "a: neigh replace fd01::1 lladdr 02:00:00:00:00:77 dev eth0 nud permanent",
        {TCP: "timeout"},
    ),
    "the one who is asked answers to its own entry's MAC (K-83)": (
        "r: neigh replace fd01::2 lladdr 02:00:00:00:00:77 dev p0 nud permanent",
        {TCP: LOST},
    ),
    "a permanent entry with the right MAC at the one who is asked": (
        "r: neigh replace fd01::2 lladdr 02:00:00:00:01:01 dev p0 nud permanent",
        {TCP: SERVED},
    ),
    "a noarp entry with the right MAC": (
        f"a: neigh replace fd01::1 lladdr {R} dev eth0 nud noarp\n"
        + f"r: $ ip6tables-nft -A INPUT {NS} -i p0 -j DROP",
        {TCP: SERVED},
    ),
    "a device without neighbour discovery": ("a: link set eth0 arp off", {TCP: "timeout"}),
    "the gateway's device without it": ("r: link set p0 arp off", {TCP: LOST}),
    "the server's device without it": ("b: link set eth0 arp off", {TCP: BEHIND}),
    "an own address of another device is not answered for (K-81)": (
        "r: addr add fd01::9/128 dev p1 nodad",
        {"a tcp [fd01::9]:80": LOST, TCP: SERVED},
    ),
    "an own address of lo is not answered for (K-81)": (
        "r: addr add fd01::9/128 dev lo",
        {"a icmp [fd01::9]": LOST},
    ),
    "an own address of the device": ("r: addr add fd01::9/128 dev p0 nodad", {"a icmp [fd01::9]": "answer"}),
    "an own address of another device behind the gateway": ("", {"a icmp [fd02::1]": "answer"}),
    "a tentative address does not answer": (
        f"b: {SLOW_DAD.format('b')}\nb: addr add fd02::5/64 dev eth0",
        {"a icmp [fd02::5]": BEHIND, PING: "answer"},
    ),
    "an address whose detection failed does not answer": (
        "b: sysctl net.ipv6.conf.eth0.accept_dad=1\n"
        "b: sysctl net.ipv6.conf.eth0.router_solicitation_delay=0\n"
        "r: addr add fd02::5/64 dev p1 nodad\nb: addr add fd02::5/64 dev eth0\n"
        f"{awaited('b', 'ip -6 address show dev eth0 dadfailed | grep -q fd02::5')}\n"
        "r: addr del fd02::5/64 dev p1",
        {"a icmp [fd02::5]": BEHIND, PING: "answer"},
    ),
    "an optimistic address answers": (
        f"b: {SLOW_DAD.format('b')}\nb: sysctl net.ipv6.conf.eth0.optimistic_dad=1\n"
        "b: addr add fd02::5/64 dev eth0 optimistic",
        {"a icmp [fd02::5]": "answer"},
    ),
    "IPv6 is off at the server's device": ("b: sysctl net.ipv6.conf.eth0.disable_ipv6=1", {TCP: BEHIND}),
    "IPv6 is off where the packet comes in": (
        f"a: neigh add fd01::1 lladdr {R} dev eth0\nr: sysctl net.ipv6.conf.p0.disable_ipv6=1",
        {TCP: "timeout"},
    ),
    "IPv6 is off at the gateway's device": ("r: sysctl net.ipv6.conf.p0.disable_ipv6=1", {TCP: LOST}),
    "an MTU that is too small for IPv6": (
        f"a: neigh add fd01::1 lladdr {R} dev eth0\nr: link set p0 mtu 1200",
        {TCP: "timeout"},
    ),
    "another hop limit of packets": (
        "a: sysctl net.ipv6.conf.eth0.hop_limit=1",
        {PING: "no route to host, icmp 3/0 from fd01::1"},
    ),
    "the server's device is down": (
        "b: link set eth0 down",
        {TCP: BEHIND},
    ),
    "who has no link-local address asks from the packet's source": (
        "a: addr del fe80::ff:fe00:101/64 dev eth0",
        {TCP: SERVED},
    ),
    "a router without a link-local address asks nobody (K-82)": (
        "r: addr del fe80::ff:fe00:201/64 dev p1",
        {TCP: BEHIND},
    ),
    "its own packets it can ask for, from their source (K-82)": (
        "r: addr del fe80::ff:fe00:201/64 dev p1",
        {"r icmp [fd02::2]": "answer"},
    ),
    "a packet from an address of lo is asked for from the link-local address": (
        "a: addr add fd09::2/128 dev lo\nr: route add fd09::2 dev p0",
        {"a icmp [fd01::1] from=fd09::2": "timeout"},
    ),
    "a link-local gateway": (f"a: route replace default via {R_LINK} dev eth0", {TCP: SERVED}),
    "a default route by router advertisement": (
        f"a: route replace default via {R_LINK} dev eth0 proto ra expires 600",
        {TCP: SERVED},
    ),
    "a link-local gateway that nobody has": (
        "a: route replace default via fe80::99 dev eth0",
        {TCP: LOST},
    ),
    "a prefix of 127": (
        "a: addr add fd07::/127 dev eth0 nodad\nr: addr add fd07::1/127 dev p0 nodad",
        {"a icmp [fd07::1]": "answer", "r icmp [fd07::]": "answer"},
    ),
    "a router answers for the anycast address of its subnet (K-87)": (
        "",
        {"a icmp [fd01::]": "answer", "a icmp [fd02::]": "answer", "r icmp [fd01::]": "answer"},
    ),
    "a connection to an anycast address is not accepted (K-87)": (
        "r: listen tcp 80 :: v6only\nr: listen udp 53 :: v6only",
        {
            "a tcp [fd01::1]:80": "answer, r sees fd01::2",
            "a tcp [fd01::]:80": "timeout",
            "a tcp [fd01::]:81": "timeout",
        },
    ),
    "a datagram to an anycast address": (
        "r: listen tcp 80 :: v6only\nr: listen udp 53 :: v6only",
        {"a udp [fd01::]:53": "timeout, r sees fd01::2"},
    ),
    "a tentative address is no source": (
        f"a: {SLOW_DAD.format('a')}\na: addr add fd01::5/64 dev eth0",
        {"a icmp [fd01::1] from=fd01::5": "cannot assign requested address"},
    ),
    "a host does not": ("r: sysctl net.ipv6.conf.all.forwarding=0", {"a icmp [fd01::]": LOST}),
}
PROXIES = {
    "no proxy": ("", LOST),
    "proxy_ndp and entries": (f"{PROXY}\n{ENTRIES}", "answer, b sees fd01::2"),
    "proxy_ndp of all": (f"r: sysctl net.ipv6.conf.all.proxy_ndp=1\n{ENTRIES}", "answer, b sees fd01::2"),
    "proxy_ndp without entries (K-84)": (PROXY, LOST),
    "entries without proxy_ndp (K-84)": (ENTRIES, LOST),
    "entries for the other device": (
        f"{PROXY}\nr: neigh add proxy fd01::3 dev p1\nr: neigh add proxy fd01::2 dev p0",
        LOST,
    ),
    "the device does not forward (K-84)": (
        f"{PROXY}\n{ENTRIES}\nr: sysctl net.ipv6.conf.p0.forwarding=0",
        LOST,
    ),
    "nothing forwards": (f"{PROXY}\n{ENTRIES}\nr: sysctl net.ipv6.conf.all.forwarding=0", LOST),
    "on one side: the answer finds no way": (
        f"{PROXY}\nr: neigh add proxy fd01::3 dev p0",
        "timeout",
    ),
}
TRAPS = (
    *(trap(title, ROUTED6, condition, flows, ipv6=True) for title, (condition, flows) in ROUTED.items()),
    *(trap(title, NEAR6, condition, {NEAR: told}, ipv6=True) for title, (condition, told) in PROXIES.items()),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
