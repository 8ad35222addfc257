"""Each kind of wish: silent where it is met, exact where it is not, and met again after mending."""

from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_address, ip_network
from types import MappingProxyType

import pytest

from kubectl_skoop.diagnosis import expect
from kubectl_skoop.diagnosis.expectation import Expectation
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.netstack.device import (
    IFF_LOOPBACK,
    IFF_NOARP,
    IFF_UP,
    Bridge,
    BridgePort,
    Device,
    InterfaceAddress,
    Vxlan,
)
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbour_types import (
    NUD_FAILED,
    NUD_PERMANENT,
    NUD_STALE,
    FdbEntry,
    Neighbour,
)
from kubectl_skoop.netstack.routing.types import (
    PROTO_KERNEL,
    SCOPE_HOST,
    SCOPE_LINK,
    TABLE_LOCAL,
    Nexthop,
    PolicyRule,
    Route,
)
from kubectl_skoop.netstack.sysctl import Sysctls

LO, ETH0, CNI0, VETH, FLANNEL = 1, 2, 3, 4, 5
PEER_MAC, OTHER_MAC = "0e:00:00:00:00:02", "0e:00:00:00:00:99"
RULES = tuple(
    PolicyRule(priority=priority, family=4, table=table)
    for priority, table in ((0, 255), (32766, 254), (32767, 253))
)


def hop(device: int, gateway: str = "", onlink: bool = False) -> Nexthop:
    return Nexthop(device=device, gateway=ip_address(gateway) if gateway else None, onlink=onlink)


def route(destination: str, *hops: Nexthop, **fields: object) -> Route:
    made = Route(destination=ip_network(destination), nexthops=hops)
    return replace(made, **fields)  # type: ignore[arg-type]


DEFAULT = route("0.0.0.0/0", hop(ETH0, "10.0.0.254"))
CONNECTED = route("10.244.1.0/24", hop(CNI0), scope=SCOPE_LINK, protocol=PROTO_KERNEL)
TO_PEER = route("10.244.2.0/24", hop(FLANNEL, "10.244.2.0", onlink=True))
NODE = NetworkNamespace(
    id="n1/4:1",
    place=Place("node", "n1"),
    node="n1",
    devices=MappingProxyType(
        {
            LO: Device(index=LO, name="lo", mtu=65536, flags=IFF_UP | IFF_LOOPBACK),
            ETH0: Device(index=ETH0, name="eth0", mac="02:00:00:00:00:01"),
            CNI0: Device(index=CNI0, name="cni0", kind="bridge", bridge=Bridge(), mtu=1450),
            VETH: Device(
                index=VETH, name="veth1", kind="veth", master=CNI0, port=BridgePort(hairpin=True), mtu=1450
            ),
            FLANNEL: Device(
                index=FLANNEL,
                name="flannel.1",
                kind="vxlan",
                mtu=1450,
                vxlan=Vxlan(vni=1, port=8472, local=ip_address("10.0.0.1")),
            ),
        }
    ),
    addresses=(
        InterfaceAddress(device=ETH0, address=ip_address("10.0.0.1"), prefix=24),
        InterfaceAddress(device=CNI0, address=ip_address("10.244.1.1"), prefix=24),
    ),
    rules=RULES,
    routes=(DEFAULT, CONNECTED, TO_PEER),
    neighbours=(
        Neighbour(device=FLANNEL, address=ip_address("10.244.2.0"), mac=PEER_MAC, state=NUD_PERMANENT),
    ),
    fdb=(FdbEntry(mac=PEER_MAC, port=FLANNEL, destination=ip_address("10.0.0.2"), static=True),),
    sysctls=Sysctls(
        {
            "net.ipv4.ip_forward": "1",
            "net.ipv4.conf.all.forwarding": "1",
            "net.ipv4.conf.cni0.forwarding": "1",
            "net.ipv4.conf.flannel/1.forwarding": "1",
            "net.ipv4.conf.eth0.rp_filter": "2",
        }
    ),
)
PEER_ROUTE = expect.route(
    "10.244.2.0/24",
    dev="flannel.1",
    via="10.244.2.0",
    onlink=True,
    carries="10.244.2.7",
    source="10.244.1.9",
    because="flanneld adds it",
)
PORT = expect.bridge_port(
    "veth1",
    state="forwarding",
    hairpin=True,
    isolated=False,
    learning=True,
    flood=True,
    broadcast=True,
    because="CNI",
)
TUNNEL = expect.device(
    "flannel.1", kind="vxlan", up=True, vni=1, port=8472, local="10.0.0.1", because="flanneld"
)
HOST_END = expect.device("veth1", kind="veth", up=True, carrier=True, master="cni0", mtu=1450, because="CNI")
VTEP = expect.neighbour("10.244.2.0", dev="flannel.1", mac=PEER_MAC, because="annotation")
REMOTE = expect.fdb(PEER_MAC, dev="flannel.1", dst="10.0.0.2", because="annotation")
GATEWAY = expect.address("cni0", "10.244.1.1/24", because="podCIDR")
FORWARD = expect.sysctl("net.ipv4.ip_forward", 1, because="nodes route")
DEVICE_FORWARD = expect.sysctl(
    "net.ipv4.conf.cni0.forwarding", 1, follows="net.ipv4.ip_forward", because="nodes route"
)

HEALTHY = [
    PEER_ROUTE,
    expect.route("10.244.1.0/24", dev="cni0", scope="link", protocol="kernel", because="address"),
    expect.default_route(because="any will do"),
    TUNNEL,
    HOST_END,
    expect.device(
        "eth0", up=True, arp=True, max_mtu=1500, min_mtu=1500, mac="02:00:00:00:00:01", because="NIC"
    ),
    PORT,
    VTEP,
    REMOTE,
    GATEWAY,
    expect.address("cni0", "10.244.1.1/16", any_prefix=True, others=(), because="podCIDR"),
    FORWARD,
    DEVICE_FORWARD,
    expect.sysctl("net.ipv4.conf.eth0.rp_filter", 0, 2, because="asymmetric paths"),
    expect.sysctl("net.ipv4.conf.eth0.rp_filter", at_least=1, because="spoofing"),
    expect.rule(table=254, priority=32766, because="the kernel"),
    expect.rule(table=253, because="the kernel"),
    expect.neighbour("10.244.1.9", dev="cni0", mac=PEER_MAC, required=False, because="not asked yet"),
]


@pytest.mark.parametrize("wish", HEALTHY, ids=lambda wish: wish.want)
def test_a_wish_that_is_met_is_silent_and_has_nothing_to_mend(wish: Expectation) -> None:
    assert wish.compare(NODE) is None
    assert wish.mend(NODE) is NODE


Breaks = Callable[[NetworkNamespace], NetworkNamespace]


def with_device(index: int, **fields: object) -> Breaks:
    def breaks(ns: NetworkNamespace) -> NetworkNamespace:
        changed = replace(ns.devices[index], **fields)  # type: ignore[arg-type]
        return replace(ns, devices={**ns.devices, index: changed})

    return breaks


def with_port(**fields: object) -> Breaks:
    return with_device(VETH, port=replace(BridgePort(hairpin=True), **fields))  # type: ignore[arg-type]


def with_sysctl(key: str, value: str | None) -> Breaks:
    def breaks(ns: NetworkNamespace) -> NetworkNamespace:
        values = {**ns.sysctls.values, key: value}
        return replace(ns, sysctls=Sysctls({name: text for name, text in values.items() if text is not None}))

    return breaks


def with_routes(*routes: Route) -> Breaks:
    return lambda ns: replace(ns, routes=routes)


def with_neighbour(**fields: object) -> Breaks:
    return lambda ns: replace(ns, neighbours=(replace(ns.neighbours[0], **fields),))  # type: ignore[arg-type]


DIVERTING = PolicyRule(priority=100, family=4, table=100, source=ip_network("10.244.1.9/32"))
STRANGE_ADDRESS = InterfaceAddress(device=CNI0, address=ip_address("10.9.9.1"), prefix=24)

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
        with_routes(replace(TO_PEER, metric=50), route("10.244.2.0/24", type="blackhole", metric=10)),
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
        lambda ns: replace(ns, fdb=(*ns.fdb, replace(ns.fdb[0], destination=ip_address("10.0.0.9")))),
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


def test_a_deviation_becomes_a_calm_finding_with_both_sides() -> None:
    deviation = FORWARD.compare(with_sysctl("net.ipv4.ip_forward", "0")(NODE))
    assert deviation is not None
    finding = deviation.suspicion("flannel", NODE.place)
    assert (finding.code, finding.level) == ("flannel.sysctl.differs", Level.WARNING)
    assert finding.where == Where(place=Place("node", "n1"))
    assert finding.message == "net.ipv4.ip_forward is 0; nodes route"
    assert finding.evidence == ("wanted: net.ipv4.ip_forward = 1", "found: net.ipv4.ip_forward = 0")
    assert finding.remedy == "sysctl -w net.ipv4.ip_forward=1"


def test_a_remedy_of_the_author_stands_before_the_command() -> None:
    wish = expect.sysctl("net.ipv4.ip_forward", 2, because="", remedy="restart the agent")
    deviation = wish.compare(NODE)
    assert deviation is not None
    assert deviation.suspicion("x", NODE.place).remedy == "restart the agent"


@pytest.mark.parametrize(
    ("wish", "section"),
    [(PEER_ROUTE, "routes"), (TUNNEL, "links"), (VTEP, "neighbours"), (REMOTE, "fdb"), (FORWARD, "sysctls")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_table_that_could_not_be_read_is_no_missing_entry(wish: Expectation, section: str) -> None:
    empty = NetworkNamespace(id="x", place=NODE.place, node="n1", gaps={section: "forbidden: no permission"})
    deviation = wish.compare(empty)
    assert deviation is not None
    assert deviation.state == "unreadable"
    assert f"{section} could not be read (forbidden: no permission)" in deviation.problem


def test_switching_forwarding_on_sets_every_device_as_the_kernel_does() -> None:
    off = {key: "0" for key in NODE.sysctls.values if key.endswith(("forward", "forwarding"))}
    broken = replace(NODE, sysctls=Sysctls({**NODE.sysctls.values, **off}))
    assert DEVICE_FORWARD.compare(broken) is None, "the switch speaks for its devices"
    mended = FORWARD.mend(broken)
    assert mended is not None
    assert {mended.sysctls.text(key) for key in off} == {"1"}


def test_a_device_that_comes_up_gets_the_routes_of_its_addresses_again() -> None:
    down = with_device(CNI0, flags=0)(with_routes(DEFAULT)(NODE))
    mended = expect.device("cni0", up=True, because="CNI").mend(down)
    assert mended is not None
    made = [(str(one.destination), one.table, one.type, one.scope) for one in mended.routes[1:]]
    assert ("10.244.1.1/32", TABLE_LOCAL, "local", SCOPE_HOST) in made
    assert ("10.244.1.0/24", 254, "unicast", SCOPE_LINK) in made


@pytest.mark.parametrize(
    ("wish", "breaks"),
    [
        pytest.param(HOST_END, with_device(VETH, flags=IFF_UP), id="no carrier: the other end must come up"),
        pytest.param(
            expect.device("eth9", up=True, because=""), lambda ns: ns, id="a device that is not there"
        ),
        pytest.param(
            expect.device("eth0", kind="veth", because=""), lambda ns: ns, id="a device of another kind"
        ),
        pytest.param(
            expect.route("10.9.0.0/24", dev="eth9", because=""), lambda ns: ns, id="route by no device"
        ),
        pytest.param(
            expect.default_route(because=""), with_routes(), id="a default route that nobody describes"
        ),
        pytest.param(
            expect.fdb(PEER_MAC, dev="eth9", dst="10.0.0.2", because=""), lambda ns: ns, id="fdb of nothing"
        ),
        pytest.param(
            expect.bridge_port("eth0", hairpin=True, because=""), lambda ns: ns, id="no bridge port"
        ),
    ],
)
def test_what_no_change_of_this_namespace_can_make_is_not_mended(wish: Expectation, breaks: Breaks) -> None:
    assert wish.compare(breaks(NODE)) is not None
    assert wish.mend(breaks(NODE)) is None


def test_a_port_without_carrier_is_not_blamed_for_its_state() -> None:
    assert PORT.compare(with_device(VETH, flags=IFF_UP, port=BridgePort(state=0, hairpin=True))(NODE)) is None


def test_a_port_of_a_bridge_that_is_down_is_not_blamed_either_and_forwards_once_the_bridge_is_up() -> None:
    down = with_device(CNI0, flags=0)(with_port(state=0)(NODE))
    assert PORT.compare(down) is None
    mended = expect.device("cni0", up=True, because="CNI").mend(down)
    assert mended is not None
    assert mended.devices[VETH].port == BridgePort(state=3, hairpin=True)


def test_a_port_that_comes_up_gives_its_bridge_a_carrier() -> None:
    alone = with_device(CNI0, flags=IFF_UP)(with_device(VETH, flags=0)(NODE))
    mended = HOST_END.mend(alone)
    assert mended is not None
    assert mended.devices[CNI0].carrier


def test_a_gateway_tells_the_device_where_the_wish_leaves_it_open() -> None:
    wish = expect.route("10.244.3.0/24", via="10.0.0.3", because="host-gw")
    near = replace(NODE, routes=(*NODE.routes, route("10.0.0.0/24", hop(ETH0), scope=SCOPE_LINK)))
    mended = wish.mend(near)
    assert mended is not None
    assert mended.routes[-1].nexthops == (hop(ETH0, "10.0.0.3"),)


def test_a_setting_needs_either_values_or_a_least_one() -> None:
    with pytest.raises(TypeError, match="give values, or at_least"):
        expect.sysctl("net.ipv4.ip_forward", because="")
