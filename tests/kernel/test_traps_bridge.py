"""Bridges: ports, learning, flooding, hairpin and br_netfilter, against the kernel."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import BRIDGED, ROUTED, awaited

pytestmark = pytest.mark.kernel

A_TO_B = "a tcp 10.1.0.3"
SERVED = "answer, b sees 10.1.0.2"
LOST = "no route to host"
NF = "r: sysctl net.bridge.bridge-nf-call-iptables=1"
VIP = "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.1.0.3"
VIP_TO_A = "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.1.0.2"
MASQUERADE = "r: $ iptables-nft -t nat -A POSTROUTING -s 10.1.0.2 -d 10.1.0.2 -j MASQUERADE"
SMALL_PORT = "r: link set pb mtu 1300"

FORWARDS = awaited("r", "ip -d link show dev pa | grep -q 'state forwarding'")
"""The port's carrier has been noticed, which has it forward."""
TRAPS = (
    trap(
        "nothing is flooded to a port with proxy_arp",
        BRIDGED,
        "r: link set pb type bridge_slave proxy_arp on",
        {A_TO_B: LOST},
    ),
    trap(
        "a port with proxy_arp may ask",
        BRIDGED,
        "r: link set pa type bridge_slave proxy_arp on\n"
        "r: $ bridge fdb add 02:00:00:00:01:01 dev pa master static",
        {A_TO_B: SERVED},
    ),
    trap(
        "two hosts with one address: the first answer is kept",
        BRIDGED,
        "c: addr add 10.1.0.3/24 dev eth0",
        {A_TO_B: "answer, c sees 10.1.0.2"},
    ),
    trap(
        "masqueraded though bridged",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -t nat -A POSTROUTING -s 10.1.0.2 -j MASQUERADE",
        {A_TO_B: "answer, b sees 10.1.0.1"},
    ),
    trap(
        "REDIRECT of what would be bridged",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -t nat -A PREROUTING -d 10.1.0.3 -p tcp -j REDIRECT",
        {A_TO_B: "answer, r sees 10.1.0.2"},
    ),
    trap(
        "tcp-reset of what is bridged",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -A FORWARD -p tcp -d 10.1.0.3 -j REJECT --reject-with tcp-reset",
        {A_TO_B: "connection refused"},
    ),
    trap(
        "a healthy bridge",
        BRIDGED,
        "",
        {
            A_TO_B: SERVED,
            "a udp 10.1.0.3": SERVED,
            "a icmp 10.1.0.3": "answer",
            "a tcp 10.1.0.1": "answer, r sees 10.1.0.2",
            "r tcp 10.1.0.4": "answer, c sees 10.1.0.1",
            "a tcp 10.1.0.3 bulk": SERVED,
        },
    ),
    trap(
        "a disabled port",
        BRIDGED,
        f"{FORWARDS}\nr: $ bridge link set dev pa state 0",
        {A_TO_B: LOST, "a tcp 10.1.0.1": LOST, "b tcp 10.1.0.4": "answer, c sees 10.1.0.3"},
    ),
    trap(
        "a learning port does not forward",
        BRIDGED,
        f"{FORWARDS}\nr: $ bridge link set dev pa state 2",
        {A_TO_B: LOST, "a tcp 10.1.0.1": LOST},
    ),
    trap(
        "two isolated ports",
        BRIDGED,
        "r: $ bridge link set dev pa isolated on; bridge link set dev pb isolated on",
        {
            A_TO_B: LOST,
            "a tcp 10.1.0.4": "answer, c sees 10.1.0.2",
            "a tcp 10.1.0.1": "answer, r sees 10.1.0.2",
        },
    ),
    trap("one isolated port", BRIDGED, "r: $ bridge link set dev pa isolated on", {A_TO_B: SERVED}),
    trap(
        "a locked port without an entry",
        BRIDGED,
        "r: $ bridge link set dev pa locked on",
        {A_TO_B: LOST, "a tcp 10.1.0.1": LOST},
    ),
    trap(
        "a locked port with an entry",
        BRIDGED,
        "r: $ bridge link set dev pa locked on; bridge fdb add 02:00:00:00:01:01 dev pa master static",
        {A_TO_B: SERVED},
    ),
    trap("a locked port as destination", BRIDGED, "r: $ bridge link set dev pb locked on", {A_TO_B: LOST}),
    trap(
        "neither learning nor flooding (K-37)",
        BRIDGED,
        "r: $ bridge link set dev pa learning off flood off",
        {A_TO_B: LOST},
    ),
    trap("no learning, but flooding", BRIDGED, "r: $ bridge link set dev pa learning off", {A_TO_B: SERVED}),
    trap(
        "no flooding, but learning",
        BRIDGED,
        "r: $ bridge link set dev pa flood off; bridge link set dev pb flood off",
        {A_TO_B: SERVED},
    ),
    trap(
        "no broadcasts to the destination",
        BRIDGED,
        "r: $ bridge link set dev pb bcast_flood off",
        {A_TO_B: LOST},
    ),
    trap(
        "a MAC held by a sticky entry of another port",
        BRIDGED,
        "r: $ bridge fdb add 02:00:00:00:01:01 dev pc master static sticky",
        {A_TO_B: LOST},
    ),
    trap(
        "a static entry of another port moves",
        BRIDGED,
        "r: $ bridge fdb add 02:00:00:00:01:01 dev pc master static",
        {A_TO_B: SERVED},
    ),
    trap(
        "a permanent entry for another host's MAC keeps its frames",
        BRIDGED,
        "r: $ bridge fdb add 02:00:00:00:02:01 dev pc master permanent",
        {A_TO_B: "timeout"},
    ),
    trap("hairpin off", BRIDGED, f"{VIP_TO_A}\n{MASQUERADE}\n{NF}", {"a tcp 10.96.0.1": "timeout"}),
    trap(
        "hairpin on",
        BRIDGED,
        f"{VIP_TO_A}\n{MASQUERADE}\n{NF}\nr: $ bridge link set dev pa hairpin on",
        {"a tcp 10.96.0.1": "answer, a sees 10.1.0.1"},
    ),
    trap(
        "hairpin on, not masqueraded",
        BRIDGED,
        f"{VIP_TO_A}\n{NF}\nr: $ bridge link set dev pa hairpin on",
        {"a tcp 10.96.0.1": "timeout"},
    ),
    trap(
        "hairpin is not needed where it is routed (K-32)",
        BRIDGED,
        f"{VIP_TO_A}\n{MASQUERADE}",
        {"a tcp 10.96.0.1": "answer, a sees 10.1.0.1"},
    ),
    trap("a service on the same bridge (K-32)", BRIDGED, f"{VIP}\n{NF}", {"a tcp 10.96.0.1": SERVED}),
    trap(
        "a service on the same bridge, br_netfilter off: the answer goes past the translation",
        BRIDGED,
        VIP,
        {"a tcp 10.96.0.1": "timeout"},
    ),
    trap(
        "a service on the same bridge, no forwarding (K-32)",
        BRIDGED,
        f"{VIP}\n{NF}\nr: sysctl net.ipv4.ip_forward=0",
        {"a tcp 10.96.0.1": "timeout"},
    ),
    trap(
        "FORWARD drops what is bridged",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -P FORWARD DROP",
        {A_TO_B: "timeout", "a tcp 10.1.0.1": "answer, r sees 10.1.0.2"},
    ),
    trap(
        "FORWARD drops, br_netfilter is off", BRIDGED, "r: $ iptables-nft -P FORWARD DROP", {A_TO_B: SERVED}
    ),
    trap(
        "on by the bridge's own option (K-31)",
        BRIDGED,
        "r: $ iptables-nft -P FORWARD DROP\nr: link set br0 type bridge nf_call_iptables 1",
        {A_TO_B: "timeout"},
    ),
    trap(
        "-i of the port never matches (K-30)",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -A FORWARD -i pa -j DROP",
        {A_TO_B: SERVED},
    ),
    trap(
        "-i of the bridge matches (K-30)",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -A FORWARD -i br0 -j DROP",
        {A_TO_B: "timeout"},
    ),
    trap(
        "physdev matches the port (K-30)",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -A FORWARD -m physdev --physdev-in pa -j DROP",
        {A_TO_B: "timeout", "b tcp 10.1.0.4": "answer, c sees 10.1.0.3"},
    ),
    trap(
        "REJECT in FORWARD of what is bridged",
        BRIDGED,
        f"{NF}\nr: $ iptables-nft -A FORWARD -d 10.1.0.3 -j REJECT",
        {A_TO_B: "connection refused, icmp 3/3 from 10.1.0.1"},
    ),
    trap(
        "a port with a smaller MTU, br_netfilter off (K-34)",
        BRIDGED,
        SMALL_PORT,
        {
            "a udp 10.1.0.3 size=1304 df": SERVED,
            "a udp 10.1.0.3 size=1305 df": "timeout",
            "a tcp 10.1.0.3 segment=1305": "timeout, b sees 10.1.0.2",
            "a tcp 10.1.0.3 bulk": SERVED,
        },
    ),
    trap(
        "a port with a smaller MTU, br_netfilter on: DF is lost",
        BRIDGED,
        f"{SMALL_PORT}\n{NF}",
        {"a udp 10.1.0.3 size=1300 df": SERVED, "a udp 10.1.0.3 size=1301 df": "timeout"},
    ),
    trap(
        "a port with a smaller MTU, br_netfilter on: without DF it is cut",
        BRIDGED,
        f"{SMALL_PORT}\n{NF}\na: sysctl net.ipv4.ip_no_pmtu_disc=1",
        {"a udp 10.1.0.3 size=1400": SERVED},
    ),
    trap("the bridge is down", BRIDGED, "r: link set br0 down", {A_TO_B: LOST}),
    trap("a port is down", BRIDGED, "r: link set pb down", {A_TO_B: LOST, "b tcp 10.1.0.2": LOST}),
    trap("the peer of a port is down", BRIDGED, "b: link set eth0 down", {A_TO_B: LOST}),
    trap("a port without the bridge", BRIDGED, "r: link set pb nomaster", {A_TO_B: LOST}),
    trap(
        "proxy_arp of a port is not asked while neigh_suppress is off",
        BRIDGED,
        "r: $ bridge link set dev pb neigh_suppress on",
        {A_TO_B: SERVED},
    ),
    trap(
        "DNAT to a host behind the router goes on by routing",
        BRIDGED,
        f"{NF}\nwire r:far d:eth0\n"
        "r: addr add 10.9.0.1/24 dev far\nd: addr add 10.9.0.2/24 dev eth0\n"
        "d: route add default via 10.9.0.1\n"
        "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.9.0.2",
        {"a tcp 10.96.0.1": "answer, d sees 10.1.0.2"},
    ),
    trap(
        "both ends of a veth in one namespace, one of them a port",
        ROUTED,
        "wire r:x0 r:x1\nr: link add br0 type bridge\nr: link set x0 master br0\nr: link set br0 up",
        {"a tcp 10.2.0.2": "answer, b sees 10.1.0.2"},
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
