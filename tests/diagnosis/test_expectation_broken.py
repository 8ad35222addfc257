"""What deviates from a wish is told exactly, and is met again after mending."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.diagnosis.expectations import expect
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.netstack.device import (
    IFF_NOARP,
    IFF_UP,
    Vxlan,
)
from kubectl_skoop.netstack.neighbours.neighbour_types import (
    NUD_FAILED,
    NUD_STALE,
)
from kubectl_skoop.netstack.routing.types import (
    SCOPE_LINK,
)
from tests.diagnosis.wished_node import (
    CNI0,
    CONNECTED,
    DEFAULT,
    DEVICE_FORWARD,
    DIVERTING,
    ETH0,
    FLANNEL,
    FORWARD,
    GATEWAY,
    HOST_END,
    NODE,
    OTHER_MAC,
    PEER_MAC,
    PEER_ROUTE,
    PORT,
    REMOTE,
    RULES,
    STRANGE_ADDRESS,
    TO_PEER,
    TUNNEL,
    VETH,
    VTEP,
    Breaks,
    hop,
    route,
    with_device,
    with_neighbour,
    with_port,
    with_routes,
    with_sysctl,
)

BROKEN = [
    pytest.param(
        PEER_ROUTE,
        with_routes(DEFAULT, CONNECTED),
        "missing",
        "the route to 10.244.2.0/24 is missing",
        "default via 10.0.0.254 dev eth0 (used instead)",
        "ip route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink",
        id="route gone",
    ),
    pytest.param(
        PEER_ROUTE,
        with_routes(DEFAULT, route("10.244.2.0/24", hop(ETH0, "10.0.0.2"))),
        "differs",
        "the route to 10.244.2.0/24 goes by eth0, not flannel.1",
        "10.244.2.0/24 via 10.0.0.2 dev eth0",
        "ip route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink",
        id="route by another device",
    ),
    pytest.param(
        PEER_ROUTE,
        with_routes(TO_PEER._replace(metric=50), route("10.244.2.0/24", type="blackhole", metric=10)),
        "differs",
        "the route to 10.244.2.0/24 is of type blackhole, not unicast",
        "blackhole 10.244.2.0/24 metric 10",
        "ip route replace 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink",
        id="a blackhole with a better metric",
    ),
    pytest.param(
        PEER_ROUTE,
        with_routes(TO_PEER, route("10.244.2.7/32", hop(CNI0), scope=SCOPE_LINK)),
        "differs",
        "the route to 10.244.2.0/24 does not carry 10.244.2.7: a more specific route does",
        "10.244.2.7 dev cni0 scope link",
        "ip route del 10.244.2.7/32",
        id="a more specific route leads elsewhere",
    ),
    pytest.param(
        PEER_ROUTE,
        lambda ns: replace(
            ns,
            rules=(RULES[0], DIVERTING, *RULES[1:]),
            routes=(*ns.routes, route("0.0.0.0/0", hop(ETH0, "10.0.0.254"), table=100)),
        ),
        "differs",
        "the route to 10.244.2.0/24 is not asked for packets from 10.244.1.9: a policy rule leads to "
        "table 100",
        "100: from 10.244.1.9 lookup 100",
        "ip rule del priority 100",
        id="a policy rule diverts the source",
    ),
    pytest.param(
        TUNNEL,
        with_device(FLANNEL, flags=0),
        "differs",
        "device flannel.1 is down",
        "flannel.1 down",
        "ip link set flannel.1 up",
        id="device down",
    ),
    pytest.param(
        TUNNEL,
        with_device(FLANNEL, vxlan=Vxlan(vni=2, port=4789, local=ip_address("10.0.0.9"))),
        "differs",
        "device flannel.1 has the VNI 2, not 1 and has the UDP port 4789, not 8472 and has the local address "
        "10.0.0.9, not 10.0.0.1",
        "flannel.1 id 2 dstport 4789 local 10.0.0.9",
        "",
        id="vxlan with other settings",
    ),
    pytest.param(
        HOST_END,
        with_device(VETH, master=0, port=None),
        "differs",
        "device veth1 belongs to no bridge, not to cni0",
        "veth1 without master",
        "ip link set veth1 master cni0",
        id="host end without master",
    ),
    pytest.param(
        HOST_END,
        with_device(VETH, mtu=1300),
        "differs",
        "device veth1 has MTU 1300, not 1450",
        "veth1 mtu 1300",
        "ip link set veth1 mtu 1450",
        id="another MTU",
    ),
    pytest.param(
        expect.device("eth0", arp=True, max_mtu=1400, because="NIC"),
        with_device(ETH0, flags=IFF_UP | IFF_NOARP),
        "differs",
        "device eth0 has MTU 1500, more than 1400 and has ARP off",
        "eth0 mtu 1500 arp off",
        "ip link set eth0 mtu 1400; ip link set eth0 arp on",
        id="MTU too large, ARP off",
    ),
    pytest.param(
        expect.device("eth0", min_mtu=1550, because="NIC"),
        lambda ns: ns,
        "differs",
        "device eth0 has MTU 1500, less than 1550",
        "eth0 mtu 1500",
        "ip link set eth0 mtu 1550",
        id="MTU too small",
    ),
    pytest.param(
        PORT,
        with_port(hairpin=False, isolated=True, broadcast_flood=False),
        "differs",
        "bridge port veth1 has hairpin off, isolated on, bcast_flood off",
        "veth1 hairpin off isolated on bcast_flood off",
        "bridge link set dev veth1 hairpin on isolated off bcast_flood on",
        id="settings of a bridge port",
    ),
    pytest.param(
        PORT,
        with_port(state=0),
        "differs",
        "bridge port veth1 has state disabled",
        "veth1 state disabled",
        "bridge link set dev veth1 state 3",
        id="port disabled by hand",
    ),
    pytest.param(
        VTEP,
        lambda ns: replace(ns, neighbours=()),
        "missing",
        "the neighbour 10.244.2.0 on flannel.1 is missing",
        "nothing",
        f"ip neigh replace 10.244.2.0 lladdr {PEER_MAC} dev flannel.1 nud permanent",
        id="neighbour gone",
    ),
    pytest.param(
        VTEP,
        with_neighbour(mac=OTHER_MAC),
        "differs",
        f"the neighbour 10.244.2.0 on flannel.1 has the MAC {OTHER_MAC}, not {PEER_MAC}",
        f"10.244.2.0 dev flannel.1 lladdr {OTHER_MAC} PERMANENT",
        f"ip neigh replace 10.244.2.0 lladdr {PEER_MAC} dev flannel.1 nud permanent",
        id="neighbour with another MAC",
    ),
    pytest.param(
        VTEP,
        with_neighbour(mac="", state=NUD_FAILED),
        "differs",
        "the neighbour 10.244.2.0 on flannel.1 is FAILED",
        "10.244.2.0 dev flannel.1 FAILED",
        f"ip neigh replace 10.244.2.0 lladdr {PEER_MAC} dev flannel.1 nud permanent",
        id="neighbour failed",
    ),
    pytest.param(
        expect.neighbour("10.244.2.0", dev="flannel.1", mac=PEER_MAC, required=False, because="owner"),
        with_neighbour(mac=OTHER_MAC, state=NUD_STALE),
        "differs",
        f"the neighbour 10.244.2.0 on flannel.1 has the MAC {OTHER_MAC}, not {PEER_MAC}",
        f"10.244.2.0 dev flannel.1 lladdr {OTHER_MAC} STALE",
        f"ip neigh replace 10.244.2.0 lladdr {PEER_MAC} dev flannel.1 nud reachable",
        id="learned neighbour with another MAC",
    ),
    pytest.param(
        REMOTE,
        lambda ns: replace(ns, fdb=()),
        "missing",
        f"the forwarding entry for {PEER_MAC} on flannel.1 is missing",
        "nothing",
        f"bridge fdb replace {PEER_MAC} dev flannel.1 dst 10.0.0.2 self permanent",
        id="forwarding entry gone",
    ),
    pytest.param(
        REMOTE,
        lambda ns: replace(ns, fdb=(*ns.fdb, ns.fdb[0]._replace(destination=ip_address("10.0.0.9")))),
        "differs",
        f"the forwarding entry for {PEER_MAC} on flannel.1 leads to 10.0.0.2, 10.0.0.9, "
        "not to 10.0.0.2 alone",
        f"{PEER_MAC} dev flannel.1 dst 10.0.0.2",
        f"bridge fdb replace {PEER_MAC} dev flannel.1 dst 10.0.0.2 self permanent",
        id="a second forwarding entry",
    ),
    pytest.param(
        GATEWAY,
        lambda ns: replace(ns, addresses=(ns.addresses[0], STRANGE_ADDRESS)),
        "missing",
        "the address 10.244.1.1/24 on cni0 is missing",
        "cni0 inet 10.9.9.1/24",
        "ip addr add 10.244.1.1/24 dev cni0",
        id="another address",
    ),
    pytest.param(
        expect.address("cni0", "10.244.1.1/24", others=(), because="podCIDR"),
        lambda ns: replace(ns, addresses=(*ns.addresses, STRANGE_ADDRESS)),
        "differs",
        "the address 10.244.1.1/24 on cni0 is not alone: 10.9.9.1/24 is there, too",
        "cni0 inet 10.9.9.1/24",
        "ip addr del 10.9.9.1/24 dev cni0",
        id="one address too many",
    ),
    pytest.param(
        FORWARD,
        with_sysctl("net.ipv4.ip_forward", "0"),
        "differs",
        "net.ipv4.ip_forward is 0",
        "net.ipv4.ip_forward = 0",
        "sysctl -w net.ipv4.ip_forward=1",
        id="forwarding switched off",
    ),
    pytest.param(
        DEVICE_FORWARD,
        with_sysctl("net.ipv4.conf.cni0.forwarding", "0"),
        "differs",
        "net.ipv4.conf.cni0.forwarding is 0",
        "net.ipv4.conf.cni0.forwarding = 0",
        "sysctl -w net.ipv4.conf.cni0.forwarding=1",
        id="one device does not forward",
    ),
    pytest.param(
        expect.sysctl("net.bridge.bridge-nf-call-iptables", 1, because="kube-proxy"),
        lambda ns: ns,
        "missing",
        "net.bridge.bridge-nf-call-iptables is missing",
        "nothing",
        "sysctl -w net.bridge.bridge-nf-call-iptables=1",
        id="setting of a module that is not loaded",
    ),
    pytest.param(
        expect.sysctl("net.ipv4.conf.eth0.rp_filter", 0, 1, because="asymmetric paths"),
        lambda ns: ns,
        "differs",
        "net.ipv4.conf.eth0.rp_filter is 2",
        "net.ipv4.conf.eth0.rp_filter = 2",
        "sysctl -w net.ipv4.conf.eth0.rp_filter=0",
        id="none of several values",
    ),
    pytest.param(
        expect.rule(source="10.244.1.9/32", table=100, priority=512, because="ENI"),
        lambda ns: ns,
        "missing",
        "the rule `512: from 10.244.1.9 lookup 100` is missing",
        "nothing",
        "ip rule add from 10.244.1.9 lookup 100 priority 512",
        id="policy rule gone",
    ),
]


@pytest.mark.parametrize(("wish", "breaks", "state", "problem", "found", "command"), BROKEN)
def test_a_deviation_says_what_is_wrong_and_mending_removes_it(
    wish: Expectation, breaks: Breaks, state: str, problem: str, found: str, command: str
) -> None:
    broken = breaks(NODE)
    deviation = wish.compare(broken)
    assert deviation is not None
    assert (deviation.state, deviation.problem, deviation.command) == (state, problem, command)
    assert (deviation.found or ("nothing",))[0] == found
    mended = wish.mend(broken)
    assert mended is not None
    assert wish.compare(mended) is None
