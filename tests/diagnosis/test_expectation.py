"""Each kind of wish: silent where it is met; what is told of what is not, and what can be mended."""

from dataclasses import replace

import pytest

from kubectl_skoop.diagnosis.expectations import expect
from kubectl_skoop.diagnosis.expectations.expectation import Expectation
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.netstack.device import (
    IFF_UP,
    BridgePort,
)
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import (
    SCOPE_HOST,
    SCOPE_LINK,
    TABLE_LOCAL,
)
from kubectl_skoop.netstack.sysctl import Sysctls
from tests.diagnosis.wished_node import (
    CNI0,
    DEFAULT,
    DEVICE_FORWARD,
    ETH0,
    FORWARD,
    GATEWAY,
    HOST_END,
    NODE,
    PEER_MAC,
    PEER_ROUTE,
    PORT,
    REMOTE,
    TUNNEL,
    VETH,
    VTEP,
    Breaks,
    hop,
    route,
    with_device,
    with_port,
    with_routes,
    with_sysctl,
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
