"""Errors and sizes along two routers, against the kernel (K-15 to K-17, K-34, K-41, K-52)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import TWO_ROUTERS

pytestmark = pytest.mark.kernel

TCP, UDP, PING = "a tcp 10.2.0.2", "a udp 10.2.0.2", "a icmp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"

TRAPS = (
    trap(
        "nothing in the way",
        TWO_ROUTERS,
        "",
        {
            TCP: SERVED,
            UDP: SERVED,
            PING: "answer",
            "a tcp 10.2.0.2 bulk": SERVED,
            "a udp 10.2.0.2 size=4000": SERVED,
        },
    ),
    trap(
        "a narrow link between the routers: bulk data adapts",
        TWO_ROUTERS,
        "r: link set p1 mtu 1200\nq: link set p0 mtu 1200",
        {"a tcp 10.2.0.2 bulk": SERVED + ", icmp 3/4 from 10.1.0.1"},
    ),
    trap(
        "a narrow link: fragments of an echo are cut again",
        TWO_ROUTERS,
        "r: link set p1 mtu 1200\nq: link set p0 mtu 1200",
        {"a icmp 10.2.0.2 size=4000": "answer"},
    ),
    trap(
        "a narrow link: conntrack puts the datagram together behind it",
        TWO_ROUTERS,
        "r: link set p1 mtu 1200\nq: link set p0 mtu 1200\n"
        "q: $ iptables-nft -A FORWARD -m conntrack --ctstate INVALID -j DROP",
        {"a udp 10.2.0.2 size=4000": SERVED},
    ),
    trap(
        "FRAG_NEEDED of a router behind a masquerade",
        TWO_ROUTERS,
        "q: link set p1 mtu 1200\nb: link set eth0 mtu 1500\n"
        "r: $ iptables-nft -t nat -A POSTROUTING -o p1 -j MASQUERADE",
        {"a udp 10.2.0.2 size=1400 df": "message too long, icmp 3/4 from 10.5.0.2"},
    ),
    trap(
        "an error of a router behind DNAT comes from the VIP (K-16)",
        TWO_ROUTERS,
        "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.2.0.99",
        {"a tcp 10.96.0.1": "no route to host, icmp 3/1 from 10.96.0.1"},
    ),
    trap(
        "a REJECT behind DNAT and masquerade comes from the VIP (K-16)",
        TWO_ROUTERS,
        "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.2.0.2; "
        "iptables-nft -t nat -A POSTROUTING -j MASQUERADE\n"
        "q: $ iptables-nft -A FORWARD -d 10.2.0.2 -j REJECT --reject-with icmp-host-prohibited",
        {
            "a tcp 10.96.0.1": "no route to host, icmp 3/10 from 10.96.0.1",
            "a udp 10.96.0.1": "no route to host, icmp 3/10 from 10.96.0.1",
        },
    ),
    trap(
        "the TTL ends at the second router",
        TWO_ROUTERS,
        "r: $ iptables-nft -t mangle -A PREROUTING -s 10.1.0.2 -j TTL --ttl-set 2",
        {TCP: "no route to host, icmp 11/0 from 10.5.0.2"},
    ),
    trap(
        "a router drops the ICMP of a closed port",
        TWO_ROUTERS,
        "q: $ iptables-nft -A FORWARD -p icmp --icmp-type port-unreachable -j DROP",
        {"a udp 10.2.0.2:99": "timeout", "a tcp 10.2.0.2:99": "connection refused"},
    ),
    trap(
        "what is RELATED does not come back (K-15)",
        TWO_ROUTERS,
        "r: $ iptables-nft -P FORWARD DROP; "
        "iptables-nft -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT; "
        "iptables-nft -A FORWARD -s 10.1.0.0/24 -j ACCEPT",
        {TCP: SERVED, "a udp 10.2.0.2:99": "timeout", PING: "answer"},
    ),
    trap(
        "strict, and the way back is another device",
        TWO_ROUTERS,
        "q: sysctl net.ipv4.conf.all.rp_filter=1\nq: route replace 10.1.0.0/24 via 10.2.0.2",
        {TCP: "timeout"},
    ),
    trap(
        "the router has no way back for its error",
        TWO_ROUTERS,
        "q: route del 10.1.0.0/24\nq: route add prohibit 10.2.0.2",
        {TCP: "timeout"},
    ),
    trap(
        "errors from the address of the inbound device",
        TWO_ROUTERS,
        "r: sysctl net.ipv4.icmp_errors_use_inbound_ifaddr=1\nr: route add unreachable 10.2.0.2",
        {UDP: "timeout, icmp 3/1 from 10.1.0.1"},
    ),
    trap(
        "errors from the inbound device, whatever the route says",
        TWO_ROUTERS,
        "q: sysctl net.ipv4.icmp_errors_use_inbound_ifaddr=1\nq: addr add 10.5.0.77/32 dev p0\n"
        "q: route replace 10.1.0.0/24 via 10.5.0.1 src 10.5.0.77\nq: route add unreachable 10.2.0.2",
        {UDP: "timeout, icmp 3/1 from 10.5.0.2"},
    ),
    trap(
        "errors from the source of the route back",
        TWO_ROUTERS,
        "q: addr add 10.5.0.77/32 dev p0\nq: route replace 10.1.0.0/24 via 10.5.0.1 src 10.5.0.77\n"
        "q: route add unreachable 10.2.0.2",
        {UDP: "timeout, icmp 3/1 from 10.5.0.77"},
    ),
    trap(
        "a mark restored in OUTPUT routes all answers",
        TWO_ROUTERS,
        "b: rule add fwmark 7 prohibit\n"
        "b: $ iptables-nft -t mangle -A INPUT -j CONNMARK --set-mark 7; "
        "iptables-nft -t mangle -A OUTPUT -j CONNMARK --restore-mark",
        {TCP: "timeout", "a tcp 10.2.0.2:99": "timeout", PING: "timeout"},
    ),
    trap(
        "a route to lo that is not local",
        TWO_ROUTERS,
        "r: route add 10.9.0.0/24 dev lo",
        {
            "a icmp 10.9.0.1": "no route to host, icmp 11/0 from 10.1.0.1",
            "a udp 10.9.0.1": "timeout, icmp 11/0 from 10.1.0.1",
            "r icmp 10.9.0.1": "timeout",
            "r tcp 10.9.0.1": "timeout",
            "r udp 10.9.0.1": "timeout, r sees 10.1.0.1",
            "r tcp 10.9.0.1:99": "timeout",
            "r udp 10.9.0.1:99": "timeout",
        },
    ),
    trap(
        "a rule for the device that a packet comes in by (K-41)",
        TWO_ROUTERS,
        "r: rule add iif p0 lookup 77\nr: route add unreachable 10.2.0.0/24 table 77",
        {TCP: "no route to host, icmp 3/1 from 10.1.0.1"},
    ),
    trap(
        "a datagram to a port that only TCP listens on",
        TWO_ROUTERS,
        "",
        {"a udp 10.2.0.2:80": "connection refused, icmp 3/3 from 10.2.0.2"},
    ),
    trap(
        "a route without gateway, and a proxy",
        TWO_ROUTERS,
        "a: route add 10.2.0.2 dev eth0\nr: sysctl net.ipv4.conf.p0.proxy_arp=1",
        {TCP: SERVED},
    ),
    trap(
        "an answer without gateway, and a proxy",
        TWO_ROUTERS,
        "b: route replace default dev eth0\nq: sysctl net.ipv4.conf.p1.proxy_arp=1",
        {TCP: SERVED},
    ),
    trap(
        "an answer without gateway, and no proxy",
        TWO_ROUTERS,
        "b: route replace default dev eth0",
        {TCP: "timeout", UDP: "timeout, b sees 10.1.0.2"},
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
