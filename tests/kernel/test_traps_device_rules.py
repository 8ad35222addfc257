"""Chains of nftables at devices and for ARP, and arptables, against the kernel."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import BRIDGED, ROUTED
from tests.kernel.link_rules import also, chain

pytestmark = pytest.mark.kernel

TCP, A_TO_B = "a tcp 10.2.0.2", "a tcp 10.1.0.3"
SERVED = "answer, b sees 10.1.0.2"
LOST, TIMEOUT = "no route to host", "timeout"
NF = "r: sysctl net.bridge.bridge-nf-call-iptables=1"
VIP = "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.1.0.3"
OWN_MAC, MAC_A, MAC_B = "02:00:00:00:00:aa", "02:00:00:00:01:01", "02:00:00:00:02:02"


UNTRACKED_DROPPED = "r: $ iptables-nft -A FORWARD -m conntrack --ctstate UNTRACKED -j DROP"
DEVICES = (
    trap(
        "ingress drops",
        ROUTED,
        chain("r", "netdev", "ingress device p0", "ip protocol tcp drop"),
        {TCP: TIMEOUT, "a udp 10.2.0.2": SERVED},
    ),
    trap(
        "ingress of another device",
        ROUTED,
        chain("r", "netdev", "ingress device p1", "ip saddr 10.1.0.2 drop"),
        {TCP: SERVED},
    ),
    trap(
        "ingress of several devices",
        ROUTED,
        chain("r", "netdev", "ingress devices = { p0, p1 }", "ip saddr 10.2.0.2 drop"),
        {TCP: TIMEOUT},
    ),
    trap(
        "ingress drops ARP",
        ROUTED,
        chain("r", "netdev", "ingress device p0", "ether type arp drop"),
        {TCP: LOST},
    ),
    trap(
        "a closed ingress",
        ROUTED,
        chain("r", "netdev", "ingress device p0", "arp operation request accept", policy="drop"),
        {TCP: TIMEOUT},
    ),
    trap(
        "inet ingress drops",
        ROUTED,
        chain("r", "inet", "ingress device p0", "tcp dport 80 drop"),
        {TCP: TIMEOUT},
    ),
    trap(
        "inet ingress has no policy for ARP",
        ROUTED,
        chain("r", "inet", "ingress device p0", policy="drop"),
        {TCP: TIMEOUT},
    ),
    trap(
        "inet ingress is before connections are known",
        ROUTED,
        f"{UNTRACKED_DROPPED}\n{chain('r', 'inet', 'ingress device p0', 'ct state invalid drop')}",
        {TCP: TIMEOUT},
    ),
    trap(
        "nothing is new at inet ingress",
        ROUTED,
        f"{UNTRACKED_DROPPED}\n{chain('r', 'inet', 'ingress device p0', 'ct state new,untracked drop')}",
        {TCP: SERVED},
    ),
    trap(
        "untracked from ingress on",
        ROUTED,
        f"{UNTRACKED_DROPPED}\n{chain('r', 'netdev', 'ingress device p0', 'tcp dport 80 notrack')}",
        {TCP: TIMEOUT, "a tcp 10.2.0.2:99": "connection refused"},
    ),
    trap(
        "untracked from inet ingress on",
        ROUTED,
        f"{UNTRACKED_DROPPED}\n{chain('r', 'inet', 'ingress device p0', 'notrack')}",
        {TCP: TIMEOUT},
    ),
    trap(
        "untracked at egress is too late",
        ROUTED,
        f"{UNTRACKED_DROPPED}\n{chain('r', 'netdev', 'egress device p1', 'notrack')}",
        {TCP: SERVED},
    ),
    trap(
        "untracked by a bridge's own rules",
        BRIDGED,
        f"{UNTRACKED_DROPPED}\nr: sysctl net.bridge.bridge-nf-call-iptables=1\n"
        + chain("r", "bridge", "prerouting", "tcp dport 80 notrack", priority=-300),
        {"a tcp 10.1.0.3": TIMEOUT, "a tcp 10.1.0.3:99": "connection refused"},
    ),
    trap(
        "inet ingress by nfproto",
        ROUTED,
        chain("r", "inet", "ingress device p0", "meta nfproto ipv4 drop"),
        {TCP: TIMEOUT},
    ),
    trap(
        "egress drops",
        ROUTED,
        chain("r", "netdev", "egress device p1", "ip daddr 10.2.0.2 drop"),
        {TCP: TIMEOUT},
    ),
    trap(
        "egress drops ARP",
        ROUTED,
        chain("r", "netdev", "egress device p1", "ether type arp drop"),
        {TCP: f"{LOST}, icmp 3/1 from 10.1.0.1"},
    ),
    trap(
        "egress counts the Ethernet header",
        ROUTED,
        chain("r", "netdev", "egress device p1", "meta l4proto udp meta length 314 drop"),
        {"a udp 10.2.0.2 size=300": TIMEOUT, "a udp 10.2.0.2 size=314": SERVED},
    ),
    trap(
        "ingress does not",
        ROUTED,
        chain("r", "netdev", "ingress device p0", "meta l4proto udp meta length 300 drop"),
        {"a udp 10.2.0.2 size=300": TIMEOUT},
    ),
    trap(
        "a mark from ingress routes",
        ROUTED,
        chain("r", "netdev", "ingress device p0", "ip protocol tcp meta mark set 7")
        + "\nr: rule add fwmark 7 prohibit",
        {TCP: "no route to host, icmp 3/13 from 10.1.0.1"},
    ),
    trap(
        "rejected at ingress",
        ROUTED,
        chain(
            "r", "netdev", "ingress device p0", "tcp dport 80 reject with tcp reset", "udp dport 53 reject"
        ),
        {TCP: "connection refused", "a udp 10.2.0.2": "connection refused, icmp 3/3 from 10.2.0.2"},
    ),
    trap(
        "rejected by a kind",
        ROUTED,
        chain("r", "netdev", "ingress device p0", "ip protocol tcp reject with icmp type admin-prohibited"),
        {TCP: "no route to host, icmp 3/13 from 10.2.0.2"},
    ),
    trap("reject of all drops ARP", ROUTED, chain("r", "netdev", "ingress device p0", "reject"), {TCP: LOST}),
    trap(
        "a type that is not the host's",
        ROUTED,
        chain("r", "netdev", "ingress device p0", "ip protocol tcp meta pkttype set other"),
        {TCP: TIMEOUT},
    ),
    trap(
        "sent on by another device",
        ROUTED,
        chain("r", "netdev", "ingress device p0", 'ip protocol tcp fwd to "p1"'),
        {TCP: TIMEOUT, "a udp 10.2.0.2": SERVED},
    ),
    trap(
        "sent to a pod past the node's stack",
        ROUTED,
        "r: sysctl net.ipv4.ip_forward=0\n"
        + chain("r", "netdev", "ingress device p0", f'ip daddr 10.2.0.2 ether daddr set {MAC_B} fwd to "p1"')
        + "\n"
        + also("netdev", "ingress device p1", f"ip daddr 10.1.0.2 ether daddr set {MAC_A} fwd to p0")
        + """
a: neigh add 10.1.0.1 lladdr 02:00:00:00:01:02 dev eth0
b: neigh add 10.2.0.1 lladdr 02:00:00:00:02:01 dev eth0""",
        {TCP: SERVED},
    ),
    trap(
        "dup leaves the packet",
        ROUTED,
        chain("r", "netdev", "ingress device p0", 'ip protocol tcp dup to "p1"'),
        {TCP: SERVED},
    ),
    trap(
        "ingress of a bridge's port",
        BRIDGED,
        chain("r", "netdev", "ingress device pa", "ip protocol tcp drop"),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "ingress of the bridge itself",
        BRIDGED,
        chain("r", "netdev", "ingress device br0", "ip protocol tcp drop"),
        {A_TO_B: SERVED, "a tcp 10.1.0.1": TIMEOUT},
    ),
    trap(
        "egress of the bridge itself",
        BRIDGED,
        chain("r", "netdev", "egress device br0", "ip protocol tcp drop"),
        {A_TO_B: SERVED, "r tcp 10.1.0.3": TIMEOUT},
    ),
    trap(
        "egress of a bridge's port",
        BRIDGED,
        chain("r", "netdev", "egress device pb", "ip protocol tcp drop"),
        {A_TO_B: TIMEOUT},
    ),
)


def legacy(rules: str) -> str:
    """Commands of arptables-legacy at the router; `{}` stands for the program."""
    return f"r: $ arptables-legacy {rules.replace('{}', 'arptables-legacy')}"


UNANSWERED = f"{LOST}, icmp 3/1 from 10.1.0.1"
"""The router gets no answer from the server."""
ARP = (
    trap("input drops all ARP (K-61)", ROUTED, chain("r", "arp", "input", "drop"), {TCP: LOST}),
    trap(
        "input drops requests for an address",
        ROUTED,
        chain("r", "arp", "input", "arp daddr ip 10.1.0.1 drop"),
        {TCP: LOST},
    ),
    trap(
        "input drops one sender",
        ROUTED,
        chain("r", "arp", "input", "arp saddr ip 10.1.0.9 drop"),
        {TCP: SERVED},
    ),
    trap(
        "input at one device",
        ROUTED,
        chain("r", "arp", "input", "iifname p1 drop"),
        {TCP: f"{LOST}, icmp 3/1 from 10.1.0.1"},
    ),
    trap("a closed output", ROUTED, chain("r", "arp", "output", policy="drop"), {TCP: LOST}),
    trap(
        "output lets requests out",
        ROUTED,
        chain("a", "arp", "output", "arp operation request accept", policy="drop"),
        {TCP: SERVED},
    ),
    trap(
        "output lets answers out",
        ROUTED,
        chain("a", "arp", "output", "arp operation reply accept", policy="drop"),
        {TCP: LOST},
    ),
    trap("output by device", ROUTED, chain("r", "arp", "output", "oifname p0 drop"), {TCP: LOST}),
    trap(
        "output has no Ethernet header",
        ROUTED,
        chain("r", "arp", "output", "ether type arp drop"),
        {TCP: SERVED},
    ),
    trap("input has one", ROUTED, chain("r", "arp", "input", f"ether saddr {MAC_A} drop"), {TCP: LOST}),
    trap(
        "a sender's MAC in the message",
        ROUTED,
        chain("r", "arp", "input", f"arp saddr ether {MAC_A} drop"),
        {TCP: LOST},
    ),
    trap("arptables drops by source", ROUTED, "r: $ arptables-nft -A INPUT -s 10.1.0.2 -j DROP", {TCP: LOST}),
    trap("arptables drops another", ROUTED, "r: $ arptables-nft -A INPUT -s 10.1.0.7 -j DROP", {TCP: SERVED}),
    trap(
        "arptables drops what goes out",
        ROUTED,
        "r: $ arptables-nft -A OUTPUT -o p1 --opcode Request -j DROP",
        {TCP: f"{LOST}, icmp 3/1 from 10.1.0.1"},
    ),
    trap(
        "arptables by MAC", ROUTED, f"r: $ arptables-nft -A INPUT --source-mac {MAC_A} -j DROP", {TCP: LOST}
    ),
    *(
        trap(f"arptables-legacy: {title}", ROUTED, legacy(rules), {TCP: told})
        for title, rules, told in (
            ("a source", "-A INPUT -s 10.1.0.2 -j DROP", LOST),
            ("another source", "-A INPUT -s 10.1.0.7 -j DROP", SERVED),
            (
                "all sources but a network's",
                "-A INPUT ! -s 10.1.0.0/24 -j DROP",
                UNANSWERED,
            ),
            ("a destination", "-A INPUT -d 10.1.0.1 -j DROP", LOST),
            ("a device", "-A INPUT -i p0 -j DROP", LOST),
            ("devices that begin alike", "-A INPUT -i p+ -j DROP", LOST),
            ("all devices but one", "-A INPUT ! -i p0 -j DROP", UNANSWERED),
            (
                "questions that go out",
                "-A OUTPUT -o p1 --opcode Request -j DROP",
                UNANSWERED,
            ),
            ("answers that go out", "-A OUTPUT -o p0 --opcode 2 -j DROP", LOST),
            ("a MAC", f"-A INPUT --source-mac {MAC_A} -j DROP", LOST),
            ("all but a MAC", f"-A INPUT ! --source-mac {MAC_A} -i p0 -j DROP", SERVED),
            ("a closed policy", "-P INPUT DROP", LOST),
            ("a closed policy with a rule", "-P INPUT DROP; {} -A INPUT -s 10.0.0.0/8 -j ACCEPT", SERVED),
            ("a chain that drops", "-N c; {} -A c -j DROP; {} -A INPUT -s 10.1.0.2 -j c", LOST),
            (
                "a chain that returns",
                "-N c; {} -A c --opcode 1 -j RETURN; {} -A c -j DROP; {} -A INPUT -i p0 -j c",
                SERVED,
            ),
            ("Ethernet and IPv4", "-A INPUT --h-length 6 --h-type 1 --proto-type 0x800 -j DROP", LOST),
        )
    ),
    trap(
        "arptables-legacy: what it makes of messages is not modelled",
        ROUTED,
        legacy("-A OUTPUT -o p0 -j mangle --mangle-ip-s 10.1.0.77"),
        {TCP: f"{LOST} | unknown"},
    ),
    trap(
        "an answer with another MAC",
        ROUTED,
        chain("r", "arp", "output", "oifname p0 arp saddr ether set 02:00:00:00:09:09"),
        {TCP: TIMEOUT},
    ),
)


@pytest.mark.parametrize("tested", [*DEVICES, *ARP], ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
