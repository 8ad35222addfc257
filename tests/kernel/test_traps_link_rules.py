"""Chains of nftables at bridges, against the kernel; among them br_netfilter (K-33)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import BRIDGED
from tests.kernel.link_rules import also, chain

pytestmark = pytest.mark.kernel

TCP, A_TO_B = "a tcp 10.2.0.2", "a tcp 10.1.0.3"
SERVED = "answer, b sees 10.1.0.2"
LOST, TIMEOUT = "no route to host", "timeout"
NF = "r: sysctl net.bridge.bridge-nf-call-iptables=1"
VIP = "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.1.0.3"
OWN_MAC, MAC_A, MAC_B = "02:00:00:00:00:aa", "02:00:00:00:01:01", "02:00:00:00:02:02"


def bridge(hook: str, *rules: str, priority: int = 0, policy: str = "accept") -> str:
    return chain("r", "bridge", hook, *rules, priority=priority, policy=policy)


BRIDGES = (
    trap("forward drops an address", BRIDGED, bridge("forward", "ip daddr 10.1.0.3 drop"), {A_TO_B: TIMEOUT}),
    trap("forward drops another", BRIDGED, bridge("forward", "ip daddr 10.1.0.9 drop"), {A_TO_B: SERVED}),
    trap("forward drops the answer", BRIDGED, bridge("forward", "ip saddr 10.1.0.3 drop"), {A_TO_B: TIMEOUT}),
    trap("forward drops ARP", BRIDGED, bridge("forward", "ether type arp drop"), {A_TO_B: LOST}),
    trap(
        "forward takes ARP only",
        BRIDGED,
        bridge("forward", "ether type arp accept", policy="drop"),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "answers to ARP are dropped", BRIDGED, bridge("forward", "arp operation reply drop"), {A_TO_B: LOST}
    ),
    trap("a port is no destination", BRIDGED, bridge("forward", "oifname pb drop"), {A_TO_B: LOST}),
    trap("another port is none", BRIDGED, bridge("forward", "oifname pc drop"), {A_TO_B: SERVED}),
    trap("a port is no source", BRIDGED, bridge("prerouting", "iifname pa drop"), {A_TO_B: LOST}),
    trap(
        "postrouting by its port",
        BRIDGED,
        bridge("postrouting", "oifname pb ip protocol tcp drop"),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "input drops what is for the node",
        BRIDGED,
        bridge("input", "ip daddr 10.1.0.1 drop"),
        {"a tcp 10.1.0.1": TIMEOUT, A_TO_B: SERVED},
    ),
    trap(
        "input sees the port",
        BRIDGED,
        bridge("input", 'iifname "pa" drop'),
        {"a tcp 10.1.0.1": LOST, "b tcp 10.1.0.1": "answer, r sees 10.1.0.3"},
    ),
    trap(
        "output sees the port",
        BRIDGED,
        bridge("output", 'oifname "pb" drop'),
        {"r tcp 10.1.0.3": LOST, "r tcp 10.1.0.4": "answer, c sees 10.1.0.1"},
    ),
    trap(
        "output sees no source device",
        BRIDGED,
        bridge("output", 'iifname "br0" drop'),
        {"r tcp 10.1.0.3": "answer, b sees 10.1.0.1"},
    ),
    trap(
        "a MAC by a verdict map",
        BRIDGED,
        bridge("prerouting", f"ether saddr vmap {{ {MAC_A} : drop }}"),
        {A_TO_B: LOST},
    ),
    trap(
        "what other hosts get is of type other",
        BRIDGED,
        bridge("forward", "ip protocol tcp meta pkttype other drop"),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "what the bridge gets is of type host",
        BRIDGED,
        bridge("input", "ip protocol tcp meta pkttype host drop"),
        {"a tcp 10.1.0.1": TIMEOUT},
    ),
    trap(
        "a port by transport header",
        BRIDGED,
        bridge("forward", "tcp dport 80 drop"),
        {A_TO_B: TIMEOUT, "a udp 10.1.0.3": SERVED},
    ),
    trap(
        "length of what is bridged",
        BRIDGED,
        bridge("forward", "meta l4proto udp meta length > 200 drop"),
        {"a udp 10.1.0.3": SERVED, "a udp 10.1.0.3 size=400": TIMEOUT},
    ),
    trap(
        "to the node, as a packet of its own",
        BRIDGED,
        bridge("prerouting", f"ip daddr 10.1.0.3 ether daddr set {OWN_MAC} meta pkttype set host"),
        {A_TO_B: SERVED},
    ),
    trap(
        "to the node, but of type other",
        BRIDGED,
        bridge("prerouting", f"ip daddr 10.1.0.3 ether daddr set {OWN_MAC}"),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "marked in prerouting, dropped in forward",
        BRIDGED,
        bridge("prerouting", "ip protocol tcp meta mark set 7")
        + "\n"
        + also("bridge", "forward", "meta mark 7 drop"),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "below br_netfilter the VIP is seen",
        BRIDGED,
        f"{NF}\n{VIP}\n" + bridge("prerouting", "ip daddr 10.96.0.1 drop", priority=-300),
        {"a tcp 10.96.0.1": TIMEOUT},
    ),
    trap(
        "above br_netfilter the backend is seen",
        BRIDGED,
        f"{NF}\n{VIP}\n" + bridge("prerouting", "ip daddr 10.96.0.1 drop", priority=10),
        {"a tcp 10.96.0.1": SERVED},
    ),
    trap(
        "above br_netfilter the backend is dropped",
        BRIDGED,
        f"{NF}\n{VIP}\n" + bridge("prerouting", "ip daddr 10.1.0.3 drop", priority=10),
        {"a tcp 10.96.0.1": TIMEOUT},
    ),
    trap(
        "forward sees the backend",
        BRIDGED,
        f"{NF}\n{VIP}\n" + bridge("forward", "ip daddr 10.1.0.3 tcp dport 80 drop", priority=-200),
        {"a tcp 10.96.0.1": TIMEOUT},
    ),
    trap(
        "postrouting sees no masquerade",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -t nat -A POSTROUTING -s 10.1.0.2 -j MASQUERADE\n"
        + bridge("postrouting", "ip saddr 10.1.0.1 drop", priority=300),
        {A_TO_B: "answer, b sees 10.1.0.1"},
    ),
    trap(
        "a forward chain before br_netfilter",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -A FORWARD -p tcp -j DROP\n" + bridge("forward", "accept", priority=-1),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "no IP hooks for what a chain dropped",
        BRIDGED,
        f"{NF}\n" + bridge("prerouting", "ip protocol tcp drop", priority=-1),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "broadcast only",
        BRIDGED,
        bridge("forward", "meta pkttype broadcast accept", "ether type arp accept", policy="drop"),
        {A_TO_B: TIMEOUT},
    ),
)
AT_PRIORITY_0 = (
    trap(
        "at br_netfilter's own priority: made later, runs before",
        BRIDGED,
        f"{NF}\n" + bridge("forward", "ip protocol tcp drop"),
        {A_TO_B: f"{TIMEOUT} | unknown"},
    ),
    trap(
        "at br_netfilter's own priority: made earlier, is skipped",
        bridge("forward", "ip protocol tcp drop") + "\n" + BRIDGED,
        NF,
        {A_TO_B: f"{SERVED} | unknown"},
    ),
    trap(
        "at its priority without br_netfilter",
        bridge("forward", "ip protocol tcp drop") + "\n" + BRIDGED,
        "",
        {A_TO_B: TIMEOUT},
    ),
)


@pytest.mark.parametrize("tested", [*BRIDGES, *AT_PRIORITY_0], ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
