"""What a sender's own rules and routes do, and what its program sees, against the kernel (K-10 to K-21)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import ROUTED

pytestmark = pytest.mark.kernel

TCP, UDP, PING = "a tcp 10.2.0.2", "a udp 10.2.0.2", "a icmp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
SECOND_WAY = """
wire a:eth1 s:p0
wire s:p1 b:eth1
a: addr add 10.8.0.2/24 dev eth1
s: addr add 10.8.0.1/24 dev p0
s: addr add 10.9.0.1/24 dev p1
s: sysctl net.ipv4.ip_forward=1
b: addr add 10.9.0.2/24 dev eth1
b: route add 10.8.0.0/24 via 10.9.0.1
s: route add 10.2.0.2 dev p1
s: route add 10.1.0.0/24 via 10.8.0.2
a: route add default via 10.8.0.1 table 7
a: rule add fwmark 7 lookup 7
s: $ iptables-nft -A FORWARD -d 10.2.0.2 -j REJECT --reject-with icmp-admin-prohibited
"""
"""A way for marked packets, on which s says so."""
BY_S = "no route to host, icmp 3/13 from 10.8.0.1"


def nft(kind: str, rule: str) -> str:
    return f"a: $ nft 'add table ip t; add chain ip t c {{ {kind}; }}; add rule ip t c {rule}'"


TRAPS = (
    trap("nothing in the way", ROUTED, "", {TCP: SERVED, UDP: SERVED, PING: "answer"}),
    trap(
        "a DROP in OUTPUT (K-14)",
        ROUTED,
        "a: $ iptables-nft -A OUTPUT -d 10.2.0.2 -j DROP",
        {TCP: "timeout", UDP: "operation not permitted", PING: "operation not permitted"},
    ),
    trap(
        "a DROP in POSTROUTING (K-14)",
        ROUTED,
        "a: $ iptables-nft -t mangle -A POSTROUTING -d 10.2.0.2 -j DROP",
        {TCP: "timeout", UDP: "operation not permitted", PING: "operation not permitted"},
    ),
    trap(
        "a REJECT in OUTPUT (K-14)",
        ROUTED,
        "a: $ iptables-nft -A OUTPUT -d 10.2.0.2 -j REJECT",
        {TCP: "connection refused", UDP: "operation not permitted", PING: "operation not permitted"},
    ),
    trap(
        "a REJECT with tcp-reset in OUTPUT",
        ROUTED,
        "a: $ iptables-nft -A OUTPUT -p tcp -d 10.2.0.2 -j REJECT --reject-with tcp-reset",
        {TCP: "connection refused", UDP: SERVED},
    ),
    trap(
        "a REJECT with host-unreachable in OUTPUT",
        ROUTED,
        "a: $ iptables-nft -A OUTPUT -d 10.2.0.2 -j REJECT --reject-with icmp-host-unreachable",
        {TCP: "no route to host"},
    ),
    trap(
        "a REJECT in INPUT of the server",
        ROUTED,
        "b: $ iptables-nft -A INPUT -j REJECT",
        {
            TCP: "connection refused, icmp 3/3 from 10.2.0.2",
            UDP: "connection refused, icmp 3/3 from 10.2.0.2",
            PING: "connection refused, icmp 3/3 from 10.2.0.2",
        },
    ),
    trap(
        "a REJECT with admin-prohibited in FORWARD",
        ROUTED,
        "r: $ iptables-nft -A FORWARD -d 10.2.0.2 -j REJECT --reject-with icmp-admin-prohibited",
        {
            TCP: "no route to host, icmp 3/13 from 10.1.0.1",
            UDP: "no route to host, icmp 3/13 from 10.1.0.1",
            PING: "no route to host, icmp 3/13 from 10.1.0.1",
        },
    ),
    trap(
        "a REJECT with net-unreachable in FORWARD",
        ROUTED,
        "r: $ iptables-nft -A FORWARD -d 10.2.0.2 -j REJECT --reject-with icmp-net-unreachable",
        {TCP: "network is unreachable, icmp 3/0 from 10.1.0.1", UDP: "timeout, icmp 3/0 from 10.1.0.1"},
    ),
    trap(
        "a REJECT with host-prohibited in FORWARD",
        ROUTED,
        "r: $ iptables-legacy -A FORWARD -d 10.2.0.2 -j REJECT --reject-with icmp-host-prohibited",
        {TCP: "no route to host, icmp 3/10 from 10.1.0.1", UDP: "no route to host, icmp 3/10 from 10.1.0.1"},
    ),
    trap(
        "a REJECT with tcp-reset in FORWARD",
        ROUTED,
        "r: $ iptables-nft -A FORWARD -p tcp -j REJECT --reject-with tcp-reset",
        {TCP: "connection refused"},
    ),
    trap(
        "a REJECT with tcp-reset in INPUT",
        ROUTED,
        "b: $ iptables-nft -A INPUT -p tcp -j REJECT --reject-with tcp-reset",
        {TCP: "connection refused"},
    ),
    trap(
        "the server may only answer what is established: no RST passes (K-15)",
        ROUTED,
        "b: $ iptables-nft -A OUTPUT -m conntrack ! --ctstate ESTABLISHED -j DROP",
        {TCP: SERVED, "a udp 10.2.0.2:54": "timeout", "a tcp 10.2.0.2:81": "connection refused"},
    ),
    trap(
        "the server's OUTPUT drops what is RELATED: the answer of REJECT is lost (K-15)",
        ROUTED,
        "b: $ iptables-nft -A INPUT -j REJECT\n"
        "b: $ iptables-nft -A OUTPUT -m conntrack --ctstate RELATED -j DROP",
        {TCP: "timeout", UDP: "timeout"},
    ),
    trap(
        "no route, though DNAT would help (K-13)",
        ROUTED,
        "a: route del default\na: route add 10.2.0.0/24 via 10.1.0.1\n"
        "a: $ iptables-nft -t nat -A OUTPUT -d 10.96.0.1 -j DNAT --to-destination 10.2.0.2",
        {"a tcp 10.96.0.1": "network is unreachable"},
    ),
    trap(
        "DNAT in OUTPUT",
        ROUTED,
        "a: $ iptables-nft -t nat -A OUTPUT -d 10.96.0.1 -j DNAT --to-destination 10.2.0.2",
        {"a tcp 10.96.0.1": SERVED, "a udp 10.96.0.1": SERVED, "a icmp 10.96.0.1": "answer"},
    ),
    trap(
        "DNAT in OUTPUT leads to a second look-up (K-12)",
        ROUTED + SECOND_WAY,
        "a: route add 10.96.0.1 via 10.1.0.1\na: route add 10.9.0.2 via 10.8.0.1\n"
        "s: route add 10.1.0.2 via 10.8.0.2\nb: route add 10.1.0.2 via 10.9.0.1\n"
        "a: $ iptables-nft -t nat -A OUTPUT -d 10.96.0.1 -j DNAT --to-destination 10.9.0.2",
        {"a tcp 10.96.0.1": SERVED},
    ),
    trap(
        "the source is chosen before DNAT (K-13)",
        ROUTED + SECOND_WAY,
        "a: $ iptables-nft -t nat -A OUTPUT -d 10.96.0.1 -j DNAT --to-destination 10.8.0.1",
        {"a tcp 10.96.0.1": "answer, s sees 10.1.0.2"},
    ),
    trap(
        "a mark set in mangle OUTPUT reroutes (K-12)",
        ROUTED + SECOND_WAY,
        "a: $ iptables-nft -t mangle -A OUTPUT -j MARK --set-mark 7",
        {TCP: BY_S, UDP: BY_S},
    ),
    trap(
        "a mark set in nft type route reroutes (K-12)",
        ROUTED + SECOND_WAY,
        nft("type route hook output priority 0", "meta mark set 7"),
        {TCP: BY_S},
    ),
    trap(
        "a mark set in raw OUTPUT does not reroute (K-12)",
        ROUTED + SECOND_WAY,
        nft("type filter hook output priority -300", "meta mark set 7"),
        {TCP: SERVED},
    ),
    trap(
        "a mark set in a filter chain does not reroute (K-12)",
        ROUTED + SECOND_WAY,
        nft("type filter hook output priority 0", "meta mark set 7"),
        {TCP: SERVED},
    ),
    trap(
        "the same mark that was there does not reroute (K-12)",
        ROUTED + SECOND_WAY,
        nft("type route hook output priority 0", "meta mark set 0"),
        {TCP: SERVED},
    ),
    trap(
        "a changed TOS reroutes (K-12)",
        ROUTED + SECOND_WAY,
        "a: rule add tos 0x10 lookup 7\na: $ iptables-nft -t mangle -A OUTPUT -j TOS --set-tos 0x10",
        {TCP: BY_S},
    ),
    trap(
        "rerouted into nothing",
        ROUTED,
        "a: rule add fwmark 9 prohibit\n"
        "a: $ iptables-nft -t mangle -A OUTPUT -d 10.2.0.2 -j MARK --set-mark 9",
        {TCP: "timeout", UDP: "permission denied"},
    ),
    trap(
        "NEW alone is accepted: connect() succeeds (K-18)",
        ROUTED,
        "r: $ iptables-nft -A FORWARD -m conntrack --ctstate NEW -j ACCEPT; "
        "iptables-nft -A FORWARD -s 10.2.0.0/24 -j ACCEPT; iptables-nft -P FORWARD DROP",
        {TCP: "timeout"},
    ),
    trap(
        "REDIRECT in OUTPUT goes to the loopback address",
        ROUTED,
        "a: listen tcp 8080\na: $ iptables-nft -t nat -A OUTPUT -p tcp -d 10.2.0.2 -j REDIRECT "
        "--to-ports 8080",
        {TCP: "answer, a sees 10.1.0.2"},
    ),
    trap(
        "REDIRECT in PREROUTING (K-10)",
        ROUTED,
        "r: listen tcp 8080\nr: $ iptables-nft -t nat -A PREROUTING -p tcp -d 10.2.0.2 -j REDIRECT "
        "--to-ports 8080",
        {TCP: "answer, r sees 10.1.0.2"},
    ),
    trap(
        "REDIRECT in PREROUTING on a device without address (K-10)",
        ROUTED,
        "r: addr del 10.1.0.1/24 dev p0\nr: sysctl net.ipv4.conf.p0.proxy_arp=1\n"
        "r: route add 10.1.0.2 dev p0\nr: listen tcp 8080\n"
        "r: $ iptables-nft -t nat -A PREROUTING -p tcp -d 10.2.0.2 -j REDIRECT --to-ports 8080",
        {TCP: "no route to host"},
    ),
    trap(
        "owner: only root may send",
        ROUTED,
        "a: $ iptables-nft -A OUTPUT -d 10.2.0.2 -m owner ! --uid-owner 0 -j DROP",
        {UDP: SERVED, "a udp 10.2.0.2 uid=1000": "operation not permitted"},
    ),
    trap(
        "a server's RST has no owner (K-21)",
        ROUTED,
        "b: $ iptables-nft -A OUTPUT -m owner ! --uid-owner 0 -j DROP",
        {TCP: SERVED, "a tcp 10.2.0.2:81": "timeout"},
    ),
    *(
        trap(
            f"the kernel's ICMP has no owner: {rule} (K-21)",
            ROUTED,
            f"b: $ iptables-nft -A OUTPUT -m owner {rule} -j DROP",
            {"a icmp 10.2.0.2": echo, "a udp 10.2.0.2:99": refusal},
        )
        for rule, echo, refusal in (
            ("--uid-owner 0", "answer", "connection refused, icmp 3/3 from 10.2.0.2"),
            ("! --uid-owner 0", "timeout", "timeout"),
            ("--socket-exists", "timeout", "timeout"),
        )
    ),
    trap(
        "the kernel's ICMP has no owner for nft (K-21)",
        ROUTED,
        "b: $ nft 'add table ip f; add chain ip f o { type filter hook output priority 0; }; "
        "add rule ip f o meta skuid 0 drop; add rule ip f o meta skuid != 0 drop'",
        {"a icmp 10.2.0.2": "answer"},
    ),
    trap(
        "no DROP of owner 0 hits the RST (K-21)",
        ROUTED,
        "b: $ iptables-nft -A OUTPUT -m owner --uid-owner 0 -j DROP",
        {TCP: "timeout", "a tcp 10.2.0.2:81": "connection refused"},
    ),
    trap(
        "fwmark_reflect 0: the RST is not marked (K-29)",
        ROUTED,
        "b: rule add fwmark 5 prohibit\nb: $ iptables-nft -t mangle -A PREROUTING -j MARK --set-mark 5",
        {TCP: SERVED, PING: "answer", "a tcp 10.2.0.2:81": "connection refused"},
    ),
    trap(
        "fwmark_reflect 1: RST and echo reply go by the mark (K-29)",
        ROUTED,
        "b: sysctl net.ipv4.fwmark_reflect=1\nb: rule add fwmark 5 prohibit\n"
        "b: $ iptables-nft -t mangle -A PREROUTING -s 10.1.0.2 -j MARK --set-mark 5",
        {PING: "timeout", "a tcp 10.2.0.2:81": "timeout"},
    ),
    trap(
        "tcp_fwmark_accept 1: the SYN-ACK goes by the mark (K-29)",
        ROUTED,
        "b: sysctl net.ipv4.tcp_fwmark_accept=1\nb: rule add iif lo fwmark 5 prohibit\n"
        "b: $ iptables-nft -t mangle -A PREROUTING -s 10.1.0.2 -j MARK --set-mark 5",
        {TCP: "timeout", PING: "answer"},
    ),
    trap(
        "a listener's SO_MARK routes its answers",
        ROUTED,
        "b: no-listeners\nb: listen tcp 80 mark=5\nb: rule add fwmark 5 prohibit",
        {TCP: "timeout"},
    ),
    trap(
        "to oneself: OUTPUT and POSTROUTING, no PREROUTING translation (K-4)",
        ROUTED,
        "a: $ iptables-nft -t nat -A PREROUTING -d 10.1.0.2 -j DNAT --to-destination 10.2.0.2",
        {"a tcp 10.1.0.2": "answer, a sees 10.1.0.2"},
    ),
    trap(
        "loopback and own addresses",
        ROUTED,
        "",
        {
            "a tcp 127.0.0.1": "answer, a sees 127.0.0.1",
            "a tcp 127.0.0.9": "answer, a sees 127.0.0.1",
            "a tcp 10.1.0.2": "answer, a sees 10.1.0.2",
            "a udp 10.1.0.2": "answer, a sees 10.1.0.2",
            "a icmp 127.0.0.1": "answer",
            "a tcp 127.0.0.1:81": "connection refused",
            "a udp 127.0.0.1:81": "connection refused",
            "r tcp 10.2.0.1": "answer, r sees 10.2.0.1",
        },
    ),
    trap(
        "lo is down",
        ROUTED,
        "a: link set lo down",
        {"a tcp 10.1.0.2": "timeout", "a tcp 127.0.0.1": "timeout"},
    ),
    trap(
        "INPUT drops what comes by lo",
        ROUTED,
        "a: $ iptables-nft -A INPUT -i lo -j DROP",
        {"a tcp 10.1.0.2": "timeout", TCP: SERVED},
    ),
    trap(
        "an nft output chain whose iifname is absent (K-22)",
        ROUTED,
        nft("type filter hook output priority 0", 'iifname != "lo" drop'),
        {TCP: "timeout", UDP: "operation not permitted"},
    ),
    trap(
        "the second fragment has no ports (K-6)",
        ROUTED,
        "r: $ iptables-legacy -A FORWARD -p udp --dport 53 -j ACCEPT; "
        "iptables-legacy -A FORWARD -d 10.2.0.2 -p udp -j DROP",
        {"a udp 10.2.0.2 size=3000": "timeout", UDP: SERVED},
    ),
    trap(
        "with conntrack the datagram is seen whole (K-6)",
        ROUTED,
        "r: $ iptables-nft -A FORWARD -m conntrack --ctstate INVALID -j DROP; "
        "iptables-nft -A FORWARD -p udp --dport 53 -j ACCEPT; "
        "iptables-nft -A FORWARD -d 10.2.0.2 -p udp -j DROP",
        {"a udp 10.2.0.2 size=3000": SERVED},
    ),
    trap(
        "a rule for fragments",
        ROUTED,
        "r: $ iptables-nft -A FORWARD -f -j DROP",
        {"a udp 10.2.0.2 size=3000": "timeout", UDP: SERVED},
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
