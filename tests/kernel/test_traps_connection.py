"""Translations, connection states and asymmetric ways, against the kernel (K-4, K-11, K-15, K-18, K-19)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import BRIDGED, ROUTED, TUNNELLED

pytestmark = pytest.mark.kernel

TCP, UDP, PING = "a tcp 10.2.0.2", "a udp 10.2.0.2", "a icmp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
VIP = "a tcp 10.96.0.1"


def nat(host: str, chain: str, rule: str) -> str:
    return f"{host}: $ iptables-nft -t nat -A {chain} {rule}"


def forward(rule: str) -> str:
    return f"r: $ iptables-nft -A FORWARD {rule}"


TO_CLIENT = nat("r", "PREROUTING", "-d 10.96.0.1 -j DNAT --to-destination 10.1.0.2")
NODE_PORT = "-p tcp --dport 30000 -j DNAT --to-destination 10.2.0.2:80"
MASQUERADE = nat("r", "POSTROUTING", "-d 10.2.0.2 -j MASQUERADE")
ONLY_ESTABLISHED = "a: $ iptables-nft -P INPUT DROP; iptables-nft -A INPUT -m conntrack --ctstate"
ANOTHER_WAY_BACK = """
wire b:e2 s:p1
wire s:p0 a:e2
s: addr add 10.9.0.1/24 dev p1
s: addr add 10.8.0.1/24 dev p0
b: addr add 10.9.0.2/24 dev e2
a: addr add 10.8.0.2/24 dev e2
s: sysctl net.ipv4.ip_forward=1
s: route add 10.1.0.2 via 10.8.0.2
b: route add 10.1.0.0/24 via 10.9.0.1
"""

NO_INVALID = forward("-m conntrack --ctstate INVALID -j DROP")
BULK = "a tcp 10.2.0.2 bulk"

TRAPS = (
    *(
        trap(
            f"every segment is in its window, be_liberal {liberal}",
            ROUTED,
            f"r: sysctl net.netfilter.nf_conntrack_tcp_be_liberal={liberal}\n{NO_INVALID}\n{MASQUERADE}",
            {BULK: "answer, b sees 10.2.0.1"},
        )
        for liberal in (0, 1)
    ),
    trap(
        "source translation twice on the way",
        ROUTED,
        f"{MASQUERADE}\n" + nat("b", "INPUT", "-s 10.2.0.1 -j SNAT --to-source 10.2.0.77"),
        {TCP: "answer, b sees 10.2.0.77", UDP: "answer, b sees 10.2.0.77"},
    ),
    trap(
        "masquerade takes the address that fits the next hop, not the route's source (K-9)",
        ROUTED,
        "r: addr add 10.4.0.1/24 dev p1\nb: addr add 10.4.0.2/24 dev eth0\n"
        "r: route add 10.5.0.1 via 10.4.0.2 src 10.1.0.1\nb: addr add 10.5.0.1/32 dev lo\n"
        + nat("r", "POSTROUTING", "-d 10.5.0.1 -j MASQUERADE"),
        {"a tcp 10.5.0.1": "answer, b sees 10.4.0.1"},
    ),
    trap("back to the client, by routing, not masqueraded", ROUTED, TO_CLIENT, {VIP: "timeout"}),
    trap(
        "back to the client, by routing, masqueraded",
        ROUTED,
        f"{TO_CLIENT}\n" + nat("r", "POSTROUTING", "-d 10.1.0.2 -j MASQUERADE"),
        {VIP: "answer, a sees 10.1.0.1"},
    ),
    trap(
        "to oneself in OUTPUT",
        ROUTED,
        nat("a", "OUTPUT", "-d 10.96.0.1 -j DNAT --to-destination 10.1.0.2"),
        {VIP: "answer, a sees 10.1.0.2"},
    ),
    trap(
        "to 127.0.0.1 in OUTPUT",
        ROUTED,
        nat("a", "OUTPUT", "-d 10.96.0.1 -j DNAT --to-destination 127.0.0.1"),
        {VIP: "answer, a sees 10.1.0.2"},
    ),
    trap(
        "a node port asked on the node itself (K-4)",
        ROUTED,
        nat("r", "OUTPUT", f"-d 10.1.0.1 {NODE_PORT}") + f"\n{MASQUERADE}",
        {"r tcp 10.1.0.1:30000": "answer, b sees 10.2.0.1"},
    ),
    trap(
        "a node port on 127.0.0.1",
        ROUTED,
        nat("r", "OUTPUT", f"-d 127.0.0.1 {NODE_PORT}")
        + f"\n{MASQUERADE}\nr: sysctl net.ipv4.conf.all.route_localnet=1",
        {"r tcp 127.0.0.1:30000": "answer, b sees 10.2.0.1"},
    ),
    trap(
        "a node port on 127.0.0.1 without route_localnet",
        ROUTED,
        nat("r", "OUTPUT", f"-d 127.0.0.1 {NODE_PORT}") + f"\n{MASQUERADE}",
        {"r tcp 127.0.0.1:30000": "timeout"},
    ),
    trap(
        "a bound source port stays when masqueraded (K-8)",
        ROUTED,
        MASQUERADE,
        {"a udp 10.2.0.2 sport=40000": "answer, b sees 10.2.0.1"},
    ),
    trap(
        "the client takes only what is established (K-15)",
        ROUTED,
        f"{ONLY_ESTABLISHED} ESTABLISHED -j ACCEPT",
        {
            TCP: SERVED,
            UDP: SERVED,
            PING: "answer",
            "a tcp 10.2.0.2:81": "connection refused",
            "a udp 10.2.0.2:81": "timeout",
        },
    ),
    trap(
        "the client takes what is related, too",
        ROUTED,
        f"{ONLY_ESTABLISHED} ESTABLISHED,RELATED -j ACCEPT",
        {"a udp 10.2.0.2:81": "connection refused, icmp 3/3 from 10.2.0.2"},
    ),
    trap(
        "untracked on the way out: the answer is not established",
        ROUTED,
        f"a: $ iptables-nft -t raw -A OUTPUT -j NOTRACK\n{ONLY_ESTABLISHED} ESTABLISHED -j ACCEPT",
        {TCP: "timeout", UDP: "timeout, b sees 10.1.0.2"},
    ),
    trap(
        "an answer by another way meets a stateful router (K-19)",
        ROUTED,
        f"{ANOTHER_WAY_BACK}s: $ iptables-nft -A FORWARD -m conntrack --ctstate INVALID -j DROP",
        {TCP: "timeout", PING: "timeout"},
    ),
    trap(
        "an answer by another way meets a router without state",
        ROUTED,
        ANOTHER_WAY_BACK,
        {TCP: SERVED, PING: "answer"},
    ),
    trap(
        "an answer by another way meets a strict client",
        ROUTED,
        f"{ANOTHER_WAY_BACK}a: sysctl net.ipv4.conf.e2.rp_filter=1",
        {TCP: "timeout"},
    ),
    trap(
        "the RST is dropped",
        ROUTED,
        forward("-p tcp --tcp-flags RST RST -j DROP"),
        {"a tcp 10.2.0.2:81": "timeout", TCP: SERVED},
    ),
    trap(
        "the third packet is dropped (K-18)",
        ROUTED,
        "b: $ iptables-nft -A INPUT -p tcp --tcp-flags SYN,ACK ACK -j DROP",
        {TCP: "timeout"},
    ),
    trap(
        "the SYN-ACK is dropped where it is made",
        ROUTED,
        "b: $ iptables-nft -A OUTPUT -p tcp --tcp-flags SYN,ACK SYN,ACK -j DROP",
        {TCP: "timeout"},
    ),
    trap(
        "data are dropped (K-18)",
        ROUTED,
        forward("-p tcp --tcp-flags PSH PSH -j DROP"),
        {TCP: "timeout, b sees 10.1.0.2"},
    ),
    trap(
        "data are answered by a RST",
        ROUTED,
        forward("-p tcp --tcp-flags PSH PSH -j REJECT --reject-with tcp-reset"),
        {TCP: "connection reset by peer, b sees 10.1.0.2"},
    ),
    trap(
        "data are answered by ICMP, which TCP takes for passing",
        ROUTED,
        forward("-p tcp --tcp-flags PSH PSH -j REJECT"),
        {TCP: "timeout, b sees 10.1.0.2, icmp 3/3 from 10.1.0.1"},
    ),
    trap(
        "the outer packets are untracked, the inner ones are not",
        TUNNELLED,
        "m: $ iptables-nft -t raw -A OUTPUT -p udp --dport 8472 -j NOTRACK; iptables-nft -P FORWARD DROP\n"
        "m: $ iptables-nft -A FORWARD -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT",
        {TCP: SERVED},
    ),
    trap(
        "a mark left set masquerades inside and outside of the tunnel (K-38)",
        TUNNELLED,
        "m: $ iptables-nft -t mangle -A FORWARD -o vx -j MARK --set-mark 0x4000\n"
        "m: $ iptables-nft -t nat -A POSTROUTING -m mark --mark 0x4000 -j MASQUERADE",
        {TCP: "answer, b sees 10.1.0.1"},
    ),
    trap(
        "ARP goes through a tunnel by the all-zero entry",
        TUNNELLED,
        "m: neigh del 10.2.0.1 lladdr 02:00:00:00:00:a2 dev vx nud permanent\n"
        "m: addr add 10.2.0.9/32 dev vx\n"
        "m: $ bridge fdb append 00:00:00:00:00:00 dev vx dst 192.168.0.2",
        {TCP: SERVED},
    ),
    trap(
        "ARP does not go through a tunnel without one",
        TUNNELLED,
        "m: neigh del 10.2.0.1 lladdr 02:00:00:00:00:a2 dev vx nud permanent",
        {TCP: "no route to host, icmp 3/1 from 10.1.0.1"},
    ),
    trap(
        "a frame to the MAC of the port itself is taken",
        BRIDGED,
        "a: neigh add 10.1.0.1 lladdr 02:00:00:00:01:02 dev eth0 nud permanent",
        {"a tcp 10.1.0.1": "answer, r sees 10.1.0.2"},
    ),
    trap(
        "a frame to the MAC of another port is not",
        BRIDGED,
        "a: neigh add 10.1.0.1 lladdr 02:00:00:00:02:02 dev eth0 nud permanent",
        {"a tcp 10.1.0.1": "timeout"},
    ),
    trap(
        "datagrams put together by conntrack are cut for a smaller link",
        ROUTED,
        "r: link set p1 mtu 1300\nb: link set eth0 mtu 1300\n"
        + forward("-m conntrack --ctstate INVALID -j DROP"),
        {"a udp 10.2.0.2 size=3000": SERVED},
    ),
    trap(
        "the route's source hint, and a bound source",
        ROUTED,
        "a: addr add 10.1.0.50/24 dev eth0\na: route replace default via 10.1.0.1 src 10.1.0.50",
        {TCP: "answer, b sees 10.1.0.50", "a udp 10.2.0.2 from=10.1.0.2": SERVED},
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
