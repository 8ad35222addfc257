"""Bridges that answer for neighbours, or do not ask for them, against the kernel."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import BRIDGED, BRIDGED6
from tests.kernel.link_rules import chain

pytestmark = pytest.mark.kernel

A_TO_B, A_TO_B6 = "a tcp 10.1.0.3", "a tcp [fd01::3]:80"
SERVED, LOST = "answer, b sees 10.1.0.2", "no route to host"
MAC_B = "02:00:00:00:02:01"
SUPPRESS_B = "r: $ bridge link set dev pb neigh_suppress on"
KNOWN = f"r: neigh add 10.1.0.3 lladdr {MAC_B} dev br0"
ENTRY = f"r: $ bridge fdb add {MAC_B} dev pb master static"
ENTRY6 = ENTRY.replace("add", "replace")
SILENT_B = "b: sysctl net.ipv4.conf.eth0.arp_ignore=8"
PROXY_A, WIFI_B = (
    "r: link set pa type bridge_slave proxy_arp on",
    "r: link set pb type bridge_slave proxy_arp_wifi on",
)


def lines(*texts: str) -> str:
    return "\n".join(texts)


TRAPS = (
    trap(
        "the bridge answers for who is behind a port",
        BRIDGED,
        lines(SUPPRESS_B, KNOWN, ENTRY, SILENT_B),
        {A_TO_B: SERVED},
    ),
    trap("it does not know the neighbour", BRIDGED, lines(SUPPRESS_B, ENTRY, SILENT_B), {A_TO_B: LOST}),
    trap("it does not know the port", BRIDGED, lines(SUPPRESS_B, KNOWN, SILENT_B), {A_TO_B: LOST}),
    trap("what it does not know it asks", BRIDGED, SUPPRESS_B, {A_TO_B: SERVED}),
    trap(
        "a wrong neighbour is told to all",
        BRIDGED,
        lines(
            SUPPRESS_B,
            "r: neigh add 10.1.0.3 lladdr 02:00:00:00:09:09 dev br0",
            "r: $ bridge fdb add 02:00:00:00:09:09 dev pb master static",
        ),
        {A_TO_B: "timeout"},
    ),
    trap(
        "a failed neighbour is not told",
        BRIDGED,
        lines(SUPPRESS_B, "r: neigh add 10.1.0.3 dev br0 nud failed", ENTRY),
        {A_TO_B: SERVED},
    ),
    trap(
        "another port suppresses",
        BRIDGED,
        lines("r: $ bridge link set dev pc neigh_suppress on", KNOWN, ENTRY, SILENT_B),
        {A_TO_B: LOST},
    ),
    trap(
        "who asks by a port that suppresses is not answered",
        BRIDGED,
        lines("r: $ bridge link set dev pa neigh_suppress on", SUPPRESS_B, KNOWN, ENTRY, SILENT_B),
        {A_TO_B: LOST},
    ),
    trap("the bridge's own address", BRIDGED, SUPPRESS_B, {"a tcp 10.1.0.1": "answer, r sees 10.1.0.2"}),
    trap(
        "the node itself asks, and knows",
        BRIDGED,
        lines(SUPPRESS_B, KNOWN, ENTRY, SILENT_B),
        {"r tcp 10.1.0.3": "answer, b sees 10.1.0.1"},
    ),
    trap(
        "proxy_arp where the question comes in",
        BRIDGED,
        lines(
            PROXY_A,
            KNOWN,
            ENTRY,
            SILENT_B,
            "b: neigh add 10.1.0.2 lladdr 02:00:00:00:01:01 dev eth0",
            "r: $ bridge fdb add 02:00:00:00:01:01 dev pa master static",
        ),
        {A_TO_B: SERVED},
    ),
    trap("proxy_arp without the neighbour", BRIDGED, lines(PROXY_A, ENTRY, SILENT_B), {A_TO_B: LOST}),
    trap(
        "proxy_arp_wifi where the answer would come from",
        BRIDGED,
        lines(WIFI_B, KNOWN, ENTRY, SILENT_B),
        {A_TO_B: SERVED},
    ),
    trap("a port of proxy_arp_wifi is asked for others", BRIDGED, WIFI_B, {A_TO_B: SERVED}),
    trap(
        "the bridge's answer passes its node's ARP rules",
        BRIDGED,
        lines(
            SUPPRESS_B,
            KNOWN,
            ENTRY,
            SILENT_B,
            chain("r", "arp", "output", policy="drop"),
        ),
        {A_TO_B: LOST},
    ),
    trap(
        "IPv6: the bridge answers",
        BRIDGED6,
        lines(
            SUPPRESS_B,
            f"r: neigh add fd01::3 lladdr {MAC_B} dev br0",
            ENTRY6,
            "r: $ bridge link set dev pb mcast_flood off",
        ),
        {A_TO_B6: "answer, b sees fd01::2"},
        ipv6=True,
    ),
    trap(
        "IPv6: it does not know",
        BRIDGED6,
        lines(SUPPRESS_B, ENTRY6, "r: $ bridge link set dev pb mcast_flood off"),
        {A_TO_B6: LOST},
        ipv6=True,
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
