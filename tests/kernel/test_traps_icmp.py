"""TTL, error routes, translations and who an ICMP error comes from, against the kernel (K-16, K-17)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import ROUTED, TUNNELLED

pytestmark = pytest.mark.kernel

TCP, UDP, PING = "a tcp 10.2.0.2", "a udp 10.2.0.2", "a icmp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
KNOWN = "a: neigh add 10.1.0.1 lladdr 02:00:00:00:01:02 dev eth0"
"""The router need not answer ARP."""
VIP = "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.2.0.2"
MASQUERADE = "r: $ iptables-nft -t nat -A POSTROUTING -o p1 -j MASQUERADE"
TTL_1 = "r: $ iptables-nft -t mangle -A PREROUTING -i p0 -j TTL --ttl-set 1"
TTL_2 = "r: $ iptables-nft -t mangle -A PREROUTING -i p0 -j TTL --ttl-set 2"


def at_router(kind: str) -> str:
    return f"r: route add {kind} 10.2.0.2"


def at_sender(kind: str) -> str:
    return f"a: route add {kind} 10.2.0.2"


UNREACHABLE = "icmp 3/1 from 10.1.0.1"
TRAPS = (
    trap(
        "a blackhole on the way",
        ROUTED,
        at_router("blackhole"),
        {TCP: "timeout", UDP: "timeout", PING: "timeout"},
    ),
    trap(
        "unreachable on the way",
        ROUTED,
        at_router("unreachable"),
        {
            TCP: f"no route to host, {UNREACHABLE}",
            UDP: f"timeout, {UNREACHABLE}",
            PING: f"no route to host, {UNREACHABLE}",
        },
    ),
    trap(
        "prohibit on the way",
        ROUTED,
        at_router("prohibit"),
        {TCP: "no route to host, icmp 3/13 from 10.1.0.1", UDP: "no route to host, icmp 3/13 from 10.1.0.1"},
    ),
    trap(
        "throw on the way, with no other table",
        ROUTED,
        at_router("throw"),
        {TCP: "network is unreachable, icmp 3/0 from 10.1.0.1", UDP: "timeout, icmp 3/0 from 10.1.0.1"},
    ),
    trap(
        "no route on the way",
        ROUTED,
        "",
        {
            "a tcp 10.3.0.1": "network is unreachable, icmp 3/0 from 10.1.0.1",
            "a icmp 10.3.0.1": "network is unreachable, icmp 3/0 from 10.1.0.1",
        },
    ),
    trap(
        "a blackhole at the sender",
        ROUTED,
        at_sender("blackhole"),
        {TCP: "invalid argument", UDP: "invalid argument", PING: "invalid argument"},
    ),
    trap(
        "unreachable at the sender",
        ROUTED,
        at_sender("unreachable"),
        {TCP: "no route to host", UDP: "no route to host"},
    ),
    trap(
        "prohibit at the sender",
        ROUTED,
        at_sender("prohibit"),
        {TCP: "permission denied", UDP: "permission denied"},
    ),
    trap(
        "throw at the sender leaves the table though it has a default (K-54)",
        ROUTED,
        at_sender("throw"),
        {TCP: "network is unreachable"},
    ),
    trap(
        "no route at the sender",
        ROUTED,
        "a: route del default",
        {TCP: "network is unreachable", UDP: "network is unreachable"},
    ),
    trap(
        "a blackhole for the answers at the server",
        ROUTED,
        "b: route add blackhole 10.1.0.2",
        {TCP: "timeout", UDP: "timeout, b sees 10.1.0.2", PING: "timeout"},
    ),
    trap(
        "no forwarding",
        ROUTED,
        "r: sysctl net.ipv4.ip_forward=0",
        {TCP: "timeout", "a tcp 10.3.0.1": "timeout"},
    ),
    trap(
        "no forwarding on the device of the request",
        ROUTED,
        "r: sysctl net.ipv4.conf.p0.forwarding=0",
        {TCP: "timeout"},
    ),
    trap(
        "no forwarding on the device of the answer",
        ROUTED,
        "r: sysctl net.ipv4.conf.p1.forwarding=0",
        {TCP: "timeout", UDP: "timeout, b sees 10.1.0.2"},
    ),
    trap(
        "the TTL ends before FORWARD drops (K-17)",
        ROUTED,
        f"{TTL_1}\nr: $ iptables-nft -P FORWARD DROP",
        {
            TCP: "no route to host, icmp 11/0 from 10.1.0.1",
            UDP: "timeout, icmp 11/0 from 10.1.0.1",
            PING: "no route to host, icmp 11/0 from 10.1.0.1",
        },
    ),
    trap(
        "FORWARD sees the TTL less one (K-17)",
        ROUTED,
        f"{TTL_2}\nr: $ iptables-nft -A FORWARD -m ttl --ttl-eq 1 -j REJECT",
        {TCP: "connection refused, icmp 3/3 from 10.1.0.1"},
    ),
    trap("a TTL of 2 arrives", ROUTED, TTL_2, {TCP: SERVED}),
    trap(
        "a TTL of 1 is enough for the receiver",
        ROUTED,
        "b: $ iptables-nft -t mangle -A PREROUTING -j TTL --ttl-set 1",
        {TCP: SERVED},
    ),
    trap(
        "a refusal behind DNAT comes from the VIP",
        ROUTED,
        VIP,
        {
            "a tcp 10.96.0.1:81": "connection refused",
            "a udp 10.96.0.1:81": "connection refused, icmp 3/3 from 10.96.0.1",
        },
    ),
    trap(
        "an error of a router behind DNAT comes from the VIP (K-16)",
        ROUTED,
        "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 10.2.0.9",
        {"a tcp 10.96.0.1": "no route to host, icmp 3/1 from 10.96.0.1"},
    ),
    trap(
        "a REJECT behind DNAT comes from the VIP (K-16)",
        ROUTED,
        f"{VIP}\nr: $ iptables-nft -A FORWARD -d 10.2.0.2 -j REJECT",
        {
            "a tcp 10.96.0.1": "connection refused, icmp 3/3 from 10.96.0.1",
            "a udp 10.96.0.1": "connection refused, icmp 3/3 from 10.96.0.1",
        },
    ),
    trap(
        "a TTL that ends behind DNAT: from the VIP",
        ROUTED,
        f"{VIP}\n{TTL_1}",
        {"a tcp 10.96.0.1": "no route to host, icmp 11/0 from 10.96.0.1"},
    ),
    trap(
        "masqueraded: the server's refusal comes back",
        ROUTED,
        MASQUERADE,
        {
            TCP: "answer, b sees 10.2.0.1",
            "a udp 10.2.0.2:81": "connection refused, icmp 3/3 from 10.2.0.2",
            PING: "answer",
        },
    ),
    trap(
        "masqueraded: the server does not know the client",
        ROUTED,
        f"{MASQUERADE}\nb: route del default",
        {TCP: "answer, b sees 10.2.0.1"},
    ),
    trap(
        "the server knows no way back",
        ROUTED,
        "b: route del default",
        {TCP: "timeout", UDP: "timeout, b sees 10.1.0.2", PING: "timeout"},
    ),
    trap(
        "echo requests are ignored",
        ROUTED,
        "b: sysctl net.ipv4.icmp_echo_ignore_all=1",
        {PING: "timeout", TCP: SERVED},
    ),
    trap(
        "who takes an address for a broadcast ignores echo requests to it",
        ROUTED,
        "b: route add broadcast 10.2.0.9 dev eth0 table local\nr: route add 10.2.0.9 via 10.2.0.2",
        {"a icmp 10.2.0.9": "timeout", "a tcp 10.2.0.9": "timeout"},
    ),
    trap(
        "who takes an address for a broadcast by a rule before table local, too",
        ROUTED,
        "b: addr add 10.2.0.9/32 dev eth0\nb: rule add pref 2 lookup local\nb: rule del pref 0\n"
        "b: rule add pref 1 to 10.2.0.9 lookup 9\nb: route add broadcast 10.2.0.9 dev eth0 table 9\n"
        "r: route add 10.2.0.9 via 10.2.0.2",
        {"a icmp 10.2.0.9": "timeout"},
    ),
    trap(
        "echo requests to a broadcast are answered where that is set",
        ROUTED,
        "b: route add broadcast 10.2.0.9 dev eth0 table local\nr: route add 10.2.0.9 via 10.2.0.2\n"
        "b: sysctl net.ipv4.icmp_echo_ignore_broadcasts=0",
        {"a icmp 10.2.0.9": "answer"},
    ),
    trap(
        "nobody is told of what was sent to all",
        ROUTED,
        "r: $ iptables-nft -A INPUT -j REJECT",
        {"a udp 10.2.0.255": "timeout", "a tcp 10.2.0.255": "timeout"},
    ),
    trap(
        "a strict rp_filter at the router",
        ROUTED,
        f"{KNOWN}\nr: sysctl net.ipv4.conf.p0.rp_filter=1\nr: route add 10.1.0.2 dev p1",
        {TCP: "timeout", PING: "timeout"},
    ),
    trap(
        "an own address as source (K-46)",
        ROUTED,
        f"{KNOWN}\nr: addr add 10.1.0.2/32 dev lo",
        {TCP: "timeout", PING: "timeout"},
    ),
    trap(
        "accept_local is no help where the answer stays (K-46)",
        ROUTED,
        "r: addr add 10.1.0.2/32 dev lo\nr: sysctl net.ipv4.conf.p0.accept_local=1",
        {UDP: "timeout, b sees 10.1.0.2"},
    ),
    trap(
        "the address of a device that is down is still local (K-51)",
        ROUTED,
        "wire r:x s:x\nr: addr add 10.5.0.1/24 dev x\nr: link set x down",
        {"a tcp 10.5.0.1": "answer, r sees 10.1.0.2"},
    ),
    trap(
        "an address whose local route is gone",
        ROUTED,
        "b: route del local 10.2.0.2 table local",
        {TCP: "no route to host, icmp 3/1 from 10.1.0.1"},
    ),
    trap(
        "127.0.0.1 by DNAT without route_localnet",
        ROUTED,
        "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 127.0.0.1",
        {"a tcp 10.96.0.1": "timeout"},
    ),
    trap(
        "127.0.0.1 by DNAT with route_localnet",
        ROUTED,
        "r: sysctl net.ipv4.conf.p0.route_localnet=1\n"
        "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 127.0.0.1",
        {"a tcp 10.96.0.1": "answer, r sees 10.1.0.2"},
    ),
    trap(
        "route_localnet of all (K-48)",
        ROUTED,
        "r: sysctl net.ipv4.conf.all.route_localnet=1\n"
        "r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination 127.0.0.1",
        {"a tcp 10.96.0.1": "answer, r sees 10.1.0.2"},
    ),
    trap(
        "a loop of two routers",
        ROUTED,
        "b: sysctl net.ipv4.ip_forward=1\nr: route add 10.3.0.0/24 via 10.2.0.2\n"
        "b: route add 10.3.0.0/24 via 10.2.0.1",
        {"a tcp 10.3.0.1": "no route to host, icmp 11/0 from 10.2.0.2"},
    ),
    trap(
        "a redirect is sent, the packet goes on all the same",
        ROUTED,
        "wire r:p2 c:eth0\nr: link add br0 type bridge\nr: link set p0 master br0\n"
        "r: link set p2 master br0\n"
        "r: addr del 10.1.0.1/24 dev p0\nr: addr add 10.1.0.1/24 dev br0\nr: link set br0 up\n"
        "c: addr add 10.1.0.7/24 dev eth0\nc: addr add 10.6.0.1/32 dev lo\n"
        "r: route add 10.6.0.1 via 10.1.0.7\na: sysctl net.ipv4.conf.eth0.accept_redirects=0",
        {"a tcp 10.6.0.1": "answer, c sees 10.1.0.2"},
    ),
    trap(
        "the vxlan device of the other side is down (K-40)",
        TUNNELLED,
        "n: link set vx down",
        {TCP: "timeout"},
    ),
    trap(
        "the other side has another VNI (K-40)",
        TUNNELLED,
        "n: link del vx\n"
        "n: link add vx address 02:00:00:00:00:a2 type vxlan id 2 local 192.168.0.2 dev u dstport 8472 "
        "nolearning\nn: link set vx mtu 1450 up\n"
        "n: neigh add 10.1.0.1 lladdr 02:00:00:00:00:a1 dev vx nud permanent\n"
        "n: route add 10.1.0.0/24 via 10.1.0.1 dev vx onlink\n"
        "n: $ bridge fdb append 02:00:00:00:00:a1 dev vx dst 192.168.0.1",
        {TCP: "timeout"},
    ),
    trap(
        "a healthy tunnel",
        TUNNELLED,
        "",
        {
            TCP: SERVED,
            UDP: SERVED,
            PING: "answer",
            "a tcp 10.2.0.2 bulk": f"{SERVED}, icmp 3/4 from 10.1.0.1",
        },
    ),
    trap(
        "the MAC of the other vxlan device is wrong (K-40)",
        TUNNELLED,
        "n: link set vx address 02:00:00:00:00:b2",
        {TCP: "timeout"},
    ),
    trap(
        "no remote for the MAC",
        TUNNELLED,
        "m: $ bridge fdb del 02:00:00:00:00:a2 dev vx dst 192.168.0.2",
        {TCP: "timeout"},
    ),
    trap(
        "a remote by the all-zero entry",
        TUNNELLED,
        "m: $ bridge fdb del 02:00:00:00:00:a2 dev vx dst 192.168.0.2; "
        "bridge fdb append 00:00:00:00:00:00 dev vx dst 192.168.0.2",
        {TCP: SERVED},
    ),
    trap(
        "the remote does not answer ARP",
        TUNNELLED,
        "m: $ bridge fdb replace 02:00:00:00:00:a2 dev vx dst 192.168.0.9",
        {TCP: "timeout", UDP: "timeout"},
    ),
    trap(
        "vxlan refused on the underlay",
        TUNNELLED,
        "n: $ iptables-nft -A INPUT -p udp --dport 8472 -j REJECT",
        {TCP: "timeout"},
    ),
    trap(
        "vxlan dropped at the sender",
        TUNNELLED,
        "m: $ iptables-nft -A OUTPUT -p udp --dport 8472 -j DROP",
        {TCP: "timeout"},
    ),
    trap(
        "the inner mark routes the outer packet (K-38)",
        TUNNELLED,
        "m: rule add fwmark 3 blackhole\nm: $ iptables-nft -t mangle -A FORWARD -o vx -j MARK --set-mark 3",
        {TCP: "timeout"},
    ),
    trap(
        "the outer's mark stays on the inner (K-38)",
        TUNNELLED,
        "n: rule add fwmark 3 prohibit\n"
        "n: $ iptables-nft -t mangle -A INPUT -p udp --dport 8472 -j MARK --set-mark 3",
        {UDP: "no route to host, icmp 3/13 from 192.168.0.2"},
    ),
    trap(
        "no owner for the outer packet (K-21)",
        TUNNELLED,
        "m: $ iptables-nft -A OUTPUT -m owner ! --uid-owner 0 -p udp --dport 8472 -j DROP",
        {TCP: "timeout"},
    ),
    trap(
        "a veth to another namespace clears the mark (K-38)",
        ROUTED,
        "a: $ iptables-nft -t mangle -A OUTPUT -j MARK --set-mark 3\nr: rule add fwmark 3 prohibit",
        {TCP: SERVED},
    ),
    trap(
        "a vxlan device whose underlying route is gone",
        TUNNELLED,
        "m: addr del 192.168.0.1/24 dev u",
        {TCP: "timeout"},
    ),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
