"""ebtables of the nft back end, against the kernel."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import BRIDGED, BRIDGED6

pytestmark = pytest.mark.kernel

A_TO_B, A_TO_NODE, NODE_TO_B = "a tcp 10.1.0.3", "a tcp 10.1.0.1", "r tcp 10.1.0.3"
SERVED, BY_NODE, FROM_NODE = "answer, b sees 10.1.0.2", "answer, r sees 10.1.0.2", "answer, b sees 10.1.0.1"
LOST, TIMEOUT = "no route to host", "timeout"
MAC_A, MAC_B, MAC_BR = "02:00:00:00:01:01", "02:00:00:00:02:01", "02:00:00:00:00:aa"


def ebtables(*commands: str) -> str:
    return "\n".join(f"r: $ ebtables-nft {command}" for command in commands)


def drop(match: str, chain: str = "FORWARD") -> str:
    return ebtables(f"-A {chain} {match} -j DROP")


DEDUP = ebtables(
    "-N KUBE-DEDUP",
    "-A OUTPUT -j KUBE-DEDUP",
    f"-A KUBE-DEDUP -p IPv4 -s {MAC_BR} -o p+ --ip-src 10.1.0.1 -j ACCEPT",
    f"-A KUBE-DEDUP -p IPv4 -s {MAC_BR} -o p+ --ip-src 10.1.0.0/24 -j DROP",
)
"""As kubenet wrote them, against packets that the node sends twice."""

TRAPS = (
    trap("without rules", BRIDGED, ebtables("-P FORWARD ACCEPT"), {A_TO_B: SERVED}),
    trap("a closed policy", BRIDGED, ebtables("-P FORWARD DROP"), {A_TO_B: LOST, A_TO_NODE: BY_NODE}),
    trap(
        "closed but for ARP",
        BRIDGED,
        ebtables("-P FORWARD DROP", "-A FORWARD -p ARP -j ACCEPT"),
        {A_TO_B: TIMEOUT},
    ),
    trap("an address", BRIDGED, drop("-p IPv4 --ip-dst 10.1.0.3"), {A_TO_B: TIMEOUT}),
    trap("a network", BRIDGED, drop("-p IPv4 --ip-src 10.1.0.0/30"), {A_TO_B: TIMEOUT}),
    trap("all but an address", BRIDGED, drop("-p IPv4 --ip-dst ! 10.1.0.3"), {A_TO_B: TIMEOUT}),
    trap(
        "a port",
        BRIDGED,
        drop("-p IPv4 --ip-proto tcp --ip-dport 80"),
        {A_TO_B: TIMEOUT, "a udp 10.1.0.3": SERVED},
    ),
    trap(
        "a range of ports",
        BRIDGED,
        drop("-p IPv4 --ip-proto udp --ip-dport 50:60"),
        {A_TO_B: SERVED, "a udp 10.1.0.3": TIMEOUT},
    ),
    trap("a MAC", BRIDGED, drop(f"-s {MAC_A}"), {A_TO_B: LOST}),
    trap(
        "a MAC with a mask",
        BRIDGED,
        drop("-p IPv4 -d 02:00:00:00:02:00/ff:ff:ff:ff:ff:00"),
        {A_TO_B: TIMEOUT},
    ),
    trap("all but a MAC", BRIDGED, drop(f"-p IPv4 -s ! {MAC_A}"), {A_TO_B: TIMEOUT}),
    trap("broadcasts", BRIDGED, drop("-d Broadcast"), {A_TO_B: LOST}),
    trap("groups", BRIDGED, drop("-d Multicast"), {A_TO_B: LOST}),
    trap("a port of the bridge", BRIDGED, drop("-p IPv4 -o pb"), {A_TO_B: TIMEOUT}),
    trap("ports that begin alike", BRIDGED, drop("-p IPv4 -i p+"), {A_TO_B: TIMEOUT}),
    trap("all but a port", BRIDGED, drop("-p IPv4 -i ! pa"), {A_TO_B: TIMEOUT}),
    trap("ARP by address", BRIDGED, drop("-p ARP --arp-ip-dst 10.1.0.3"), {A_TO_B: LOST}),
    trap("ARP by operation", BRIDGED, drop("-p ARP --arp-op Reply"), {A_TO_B: LOST}),
    trap("ARP by MAC", BRIDGED, drop(f"-p ARP --arp-mac-src {MAC_B}"), {A_TO_B: LOST}),
    trap("a type of packets", BRIDGED, drop("-p IPv4 --pkttype-type otherhost"), {A_TO_B: TIMEOUT}),
    trap(
        "what is for the node",
        BRIDGED,
        drop("-p IPv4 --ip-dst 10.1.0.1", "INPUT"),
        {A_TO_NODE: TIMEOUT, A_TO_B: SERVED},
    ),
    trap(
        "what the node sends", BRIDGED, drop("-p IPv4 -o pb", "OUTPUT"), {NODE_TO_B: TIMEOUT, A_TO_B: SERVED}
    ),
    trap(
        "kubenet's chain lets the node's own address out",
        BRIDGED,
        DEDUP,
        {NODE_TO_B: FROM_NODE, A_TO_B: SERVED},
    ),
    trap(
        "kubenet's chain with another address",
        BRIDGED,
        DEDUP.replace("10.1.0.1 ", "10.1.0.9 "),
        {NODE_TO_B: TIMEOUT},
    ),
    trap(
        "a user chain accepts at its end",
        BRIDGED,
        ebtables("-N U", "-A FORWARD -j U", "-A FORWARD -j DROP"),
        {A_TO_B: SERVED},
    ),
    trap(
        "a user chain that returns",
        BRIDGED,
        ebtables("-N U -P RETURN", "-A FORWARD -p IPv4 -j U", "-A FORWARD -p IPv4 -j DROP"),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "a user chain that drops",
        BRIDGED,
        ebtables("-N U -P DROP", "-A FORWARD -p IPv4 -j U"),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "marked, and dropped by the mark",
        BRIDGED,
        ebtables(
            "-A FORWARD -p IPv4 -j mark --mark-set 5 --mark-target CONTINUE", "-A FORWARD --mark 5 -j DROP"
        ),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "another source MAC",
        BRIDGED,
        ebtables(f"-t nat -A POSTROUTING -p IPv4 -o pb -j snat --to-source {MAC_BR}"),
        {A_TO_B: SERVED},
    ),
    trap(
        "another destination is not modelled",
        BRIDGED,
        ebtables(f"-t nat -A PREROUTING -p IPv4 -d {MAC_B} -j dnat --to-destination 02:00:00:00:03:01"),
        {A_TO_B: f"{TIMEOUT} | unknown"},
    ),
    trap(
        "a service is not modelled",
        BRIDGED,
        ebtables("-A FORWARD -p IPv4 --ip-tos 0x10 -j DROP"),
        {A_TO_B: f"{SERVED} | unknown"},
    ),
    trap(
        "a limit",
        BRIDGED,
        ebtables("-A FORWARD --limit 1000/sec -j ACCEPT", "-A FORWARD -j DROP"),
        {A_TO_B: SERVED},
    ),
    trap(
        "IPv6",
        BRIDGED6,
        drop("-p IPv6 --ip6-dst fd01::3 --ip6-proto tcp"),
        {"a tcp [fd01::3]:80": TIMEOUT},
        ipv6=True,
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
