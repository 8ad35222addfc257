"""Packets through hooks, conntrack and NAT of a router with native tables, against the kernel."""

from collections.abc import Iterator

import pytest

from tests.kernel.router import (
    ACK,
    CLIENT,
    CLIENT6,
    OTHER_CLIENT,
    OTHER_SERVER,
    ROUTER,
    SERVER,
    SERVER6,
    SYN,
    VIP,
    VIP6,
    Again,
    Answer,
    Kernel,
    Send,
    back,
    echo,
    real_router,
    tcp,
    udp,
)
from tests.kernel.router_case import TO_VIP, Case, judge, runs

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module")
def kernel() -> Iterator[Kernel]:
    with real_router() as made:
        yield made


CASES = (
    Case(
        "the first nat chain that binds ends the hook (K-3)",
        TO_VIP,
        native=f"""
table ip one
base pre nat prerouting -100
ip daddr {VIP} tcp dport 8080 dnat to {SERVER}:80
table ip two
base pre nat prerouting -99
tcp dport 8080 drop
""",
    ),
    Case(
        "a nat chain that does not bind lets the next one drop",
        TO_VIP[:1],
        native="""
table ip one
base pre nat prerouting -100
tcp dport 81 dnat to 1.1.1.1
table ip two
base pre nat prerouting -99
tcp dport 8080 drop
""",
    ),
    Case(
        "a nat chain's priority sorts only among nat chains (K-2)",
        TO_VIP[:1],
        native=f"""
table ip one
base pre nat prerouting -190
ip daddr {VIP} tcp dport 8080 dnat to {SERVER}:80
base look filter prerouting -150
tcp dport 8080 drop
""",
    ),
    Case(
        "a filter chain behind -100 sees the translated packet",
        TO_VIP[:1],
        native=f"""
table ip one
base pre nat prerouting 0
ip daddr {VIP} tcp dport 8080 dnat to {SERVER}:80
base look filter prerouting -99
tcp dport 8080 drop
""",
    ),
    Case(
        "postrouting knows the in device of what is forwarded (K-22)",
        (Send(tcp()), Send(back(tcp(), SYN), from_server=True)),
        native="""
table ip t
base post filter postrouting 0
iifname "in0" drop
""",
    ),
    Case(
        "in output the in device has no name (K-22)",
        (Send(tcp(dst=ROUTER, dport=81)),),
        native="""
table ip t
base out filter output 0
iifname != "lo" drop
""",
    ),
    Case(
        "an untracked packet is not established (K-22)",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
base raw filter prerouting -300
tcp dport 80 notrack
base forwarded filter forward 0
ct state != established drop
""",
    ),
    Case(
        "ct mark of a packet without a connection matches nothing (K-22)",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
base raw filter prerouting -300
tcp dport 80 notrack
base forwarded filter forward 0
ct mark != 1 drop
""",
    ),
    Case(
        "dnat from a map of addresses and ports",
        TO_VIP,
        native=f"""
table ip t
map vips {{ typeof ip daddr . tcp dport : ip daddr . tcp dport
elements = {{ {VIP} . 8080 : {SERVER} . 80 }}
}}
base pre nat prerouting -100
dnat to ip daddr . tcp dport map @vips
""",
    ),
    Case(
        "verdict maps, jumps, goto and return",
        (Send(tcp()), Send(udp()), Send(echo()), Send(tcp(dport=81)), Send(tcp(dport=82))),
        native="""
table ip t
map kinds { type inet_proto : verdict; elements = { tcp : jump tcps, udp : goto udps, icmp : drop }; }
chain tcps
tcp dport 81 return
tcp dport 82 drop
accept
chain udps
return
base forwarded filter forward 0
meta l4proto vmap @kinds
drop
""",
    ),
    Case(
        "goto returns to the caller of the chain that it left",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
chain b
meta l4proto udp return
accept
chain a
goto b
drop
base forwarded filter forward 0
jump a
drop
""",
    ),
    Case(
        "an inet table sees both families",
        (Send(tcp()), Send(tcp(src=CLIENT6, dst=SERVER6)), Send(udp(src=CLIENT6, dst=SERVER6))),
        native="""
table inet t
base forwarded filter forward 0
meta nfproto ipv6 tcp dport 80 drop
""",
    ),
    Case(
        "inet nat translates each family",
        (
            Send(tcp(src=CLIENT6, dst=VIP6, dport=8080)),
            Answer(),
            Send(tcp(dst=VIP, dport=8080)),
            Answer(),
            Again(ACK),
        ),
        native=f"""
table inet t
base pre nat prerouting -100
ip6 daddr {VIP6} tcp dport 8080 dnat ip6 to [{SERVER6}]:80
ip daddr {VIP} tcp dport 8080 dnat ip to {SERVER}:80
base post nat postrouting 100
oifname "out0" masquerade
""",
    ),
    Case(
        "reject with icmpx and tcp reset",
        (Send(tcp()), Send(udp()), Send(tcp(src=CLIENT6, dst=SERVER6)), Send(udp(src=CLIENT6, dst=SERVER6))),
        native="""
table inet t
base forwarded filter forward 0
meta l4proto tcp reject with tcp reset
reject
""",
    ),
    Case(
        "reject with each kind of error",
        tuple(Send(udp(dport=port)) for port in range(50, 57))
        + tuple(Send(udp(src=CLIENT6, dst=SERVER6, dport=port)) for port in range(60, 66)),
        native="""
table inet t
base forwarded filter forward 0
udp dport 50 reject with icmp type net-unreachable
udp dport 51 reject with icmp type host-unreachable
udp dport 52 reject with icmp type prot-unreachable
udp dport 53 reject with icmp type port-unreachable
udp dport 54 reject with icmp type net-prohibited
udp dport 55 reject with icmp type host-prohibited
udp dport 56 reject with icmp type admin-prohibited
udp dport 60 reject with icmpv6 type no-route
udp dport 61 reject with icmpv6 type admin-prohibited
udp dport 62 reject with icmpv6 type addr-unreachable
udp dport 63 reject with icmpv6 type port-unreachable
udp dport 64 reject with icmpv6 type policy-fail
udp dport 65 reject with icmpv6 type reject-route
""",
    ),
    Case(
        "a reset for another protocol than TCP ends the rule",
        (Send(udp()), Send(tcp())),
        native="""
table ip t
base forwarded filter forward 0
reject with tcp reset
udp dport 53 accept
drop
""",
    ),
    Case(
        "a dormant table is asleep",
        (Send(tcp()),),
        native="""
table ip t
flags dormant
base forwarded filter forward 0 drop
""",
    ),
    Case(
        "rules of iptables-nft and native ones are both there, once",
        (Send(tcp()), Send(udp())),
        both="*mangle\n-A FORWARD -p tcp -j MARK --set-xmark 0x1/0x1\nCOMMIT\n",
        native="""
table ip n
base forwarded filter forward 0
meta mark set meta mark ^ 1
meta mark 1 drop
""",
    ),
    Case(
        "marks, hop limits and addresses that rules set stay",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
base pre filter prerouting -150
tcp dport 80 meta mark set 0x7
udp dport 53 ip daddr set 10.77.2.5
ip ttl set 33
base forwarded filter forward 0
meta mark 0x7 tcp dport set 8000
""",
    ),
    Case(
        "snat from maps of addresses and of prefixes",
        (Send(udp()), Answer(), Send(tcp(src=OTHER_CLIENT)), Answer()),
        native=f"""
table ip t
base post nat postrouting 100
meta l4proto udp snat to ip saddr map {{ {CLIENT} : 10.77.2.7, {OTHER_CLIENT} : 10.77.2.8 }}
meta l4proto tcp snat ip prefix to ip saddr map {{ 10.77.1.0/24 : 10.77.2.0/24 }}
""",
    ),
    Case(
        "redirect to the router's own address and another port",
        (Send(tcp(dport=8080)), Send(tcp(src=CLIENT6, dst=SERVER6, dport=8080)), Send(tcp(sport=40001))),
        native="""
table inet t
base pre nat prerouting -100
tcp dport 8080 redirect to :81
base arrived filter input 0
tcp dport != 81 drop
""",
    ),
    Case(
        "dnat to an address, with and without a port",
        (Send(tcp()), Answer(), Send(udp()), Answer()),
        native=f"""
table ip t
base pre nat prerouting -100
tcp dport 80 dnat to {OTHER_SERVER}
udp dport 53 dnat to {OTHER_SERVER}:5353
""",
    ),
    Case(
        "masquerade with ports of its own",
        (Send(udp()), Answer(), Send(tcp()), Answer(), Again(ACK)),
        native="""
table ip t
base post nat postrouting 100
meta l4proto udp masquerade to :2000
meta l4proto tcp masquerade
""",
    ),
    Case(
        "zones that rules set: the entries have them",
        (Send(tcp()), Answer(), Again(ACK), Send(udp()), Answer()),
        native="""
table ip t
base raw filter prerouting -300
tcp dport 80 ct zone set 5
tcp sport 80 ct zone set 5
udp dport 53 ct zone set 6
base forwarded filter forward 0
tcp dport 80 ct zone != 5 drop
udp dport 53 ct state established drop
""",
    ),
    Case(
        "a zone by the device: the answer that has another one is new",
        (Send(udp()), Answer(), Send(tcp()), Answer()),
        native="""
table ip t
base raw filter prerouting -300
ct zone set iifname map { "in0" : 3, "out0" : 4 }
base forwarded filter forward 0
iifname "out0" meta l4proto udp ct state established drop
""",
    ),
    Case(
        "a source without a way back is dropped",
        (Send(tcp()), Send(tcp(src="10.77.2.4"))),
        native="""
table inet t
base pre filter prerouting -300
fib saddr . iif oif missing drop
""",
    ),
    Case(
        "local addresses by their type",
        (Send(tcp(dst=ROUTER, dport=81)), Send(tcp())),
        native="""
table ip t
base pre filter prerouting -300
fib daddr type local drop
""",
    ),
    Case(
        "sets with timeouts, meters and ranges in a concatenation",
        (Send(tcp()), Send(udp())),
        native="""
table ip t
set seen { type ipv4_addr; flags dynamic,timeout; timeout 60s; }
base forwarded filter forward 0
update @seen { ip saddr limit rate 10/second burst 5 packets } counter
ip saddr . tcp dport { 10.77.1.0/24 . 80-90 } accept
drop
""",
    ),
    Case(
        "what a rule adds to a set is there at once",
        (Send(udp()), Send(tcp()), Send(udp()), Send(udp(src=OTHER_CLIENT))),
        native="""
table ip t
set seen { type ipv4_addr; flags dynamic; }
base forwarded filter forward 0
tcp dport 80 add @seen { ip saddr }
ip saddr @seen drop
""",
    ),
    Case(
        "with a full set the rule ends, unless the element is there",
        (Send(udp()), Send(udp(dport=54)), Send(tcp()), Send(tcp(dport=81))),
        native="""
table ip t
set full { type inet_service; flags dynamic; size 1; elements = { 54 }; }
set one { type inet_service; flags dynamic; size 1; }
base forwarded filter forward 0
meta l4proto udp add @full { udp dport } drop
meta l4proto tcp update @one { tcp dport } drop
""",
    ),
    Case(
        "limits of an element",
        (Send(udp()), Send(tcp())),
        native="""
table ip t
set slow { type ipv4_addr; flags dynamic; }
set fast { type ipv4_addr; flags dynamic; }
base forwarded filter forward 0
meta l4proto udp update @slow { ip saddr limit rate over 10/hour burst 5 packets } drop
meta l4proto tcp update @fast { ip saddr limit rate 10/hour burst 5 packets } drop
""",
    ),
)


XT = """*filter
-A FORWARD -p tcp -m comment --comment logged -j LOG
-A FORWARD -p tcp -m comment --comment told -j NFLOG --nflog-group 3
-A FORWARD -p icmp -m comment --comment shut -j DROP
COMMIT
"""
ADDED = (
    "udp dport { 53, 54 } drop",
    "meta l4proto . ip saddr { 17 . 10.77.1.2 } drop",
    "ip daddr vmap { 10.77.2.2 : drop }",
    "meta l4proto != { tcp, icmp } drop",
)
"""Of which iptables-nft-save prints something else."""


@pytest.mark.parametrize(("case", "engine"), runs(CASES))
def test_what_leaves_the_router_is_what_was_predicted(kernel: Kernel, case: Case, engine: str) -> None:
    judge(kernel, case, engine)


@pytest.mark.parametrize("added", ADDED)
def test_xt_in_a_table_that_has_a_native_rule_too(kernel: Kernel, added: str) -> None:
    """nft prints no parameters of xt (K-25): comment and LOG need none."""
    sent = (
        Send(tcp()),
        Send(udp()),
        Send(echo()),
        *(
            Send(udp(dst=dst, dport=dport))
            for dst in (SERVER, OTHER_SERVER, "10.77.2.4")
            for dport in (53, 99)
        ),
        Send(udp(src=OTHER_CLIENT)),
    )
    judge(kernel, Case(added, sent, both=XT, native=f"table ip filter\nchain FORWARD\n{added}"), "nft")
