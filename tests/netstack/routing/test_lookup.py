"""Policy rules and tables, where no kernel is needed to know the answer; the rest is in tests/kernel."""

from fractions import Fraction
from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import IFF_LOOPBACK, IFF_UP, Device, InterfaceAddress
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_FAILED, NUD_REACHABLE, Neighbour
from kubectl_skoop.netstack.routing.lookup import Failed, FlowKey, Found, lookup
from kubectl_skoop.netstack.routing.types import Nexthop, PolicyRule, Route
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import Sysctls

LO, ETH0, ETH1 = 1, 2, 3
TARGET = "10.9.0.1"
ELSEWHERE = ip_network("10.8.0.0/16")
DEVICES = {
    LO: Device(index=LO, name="lo", flags=IFF_UP | IFF_LOOPBACK),
    ETH0: Device(index=ETH0, name="eth0", details={"group": 5}),
    ETH1: Device(index=ETH1, name="eth1"),
}
LOCAL_RULE = PolicyRule(priority=0, family=4, table=255)
MAIN_RULE = PolicyRule(priority=32766, family=4, table=254)


def route(prefix: str, *hops: Nexthop, **fields: object) -> Route:
    return Route(destination=ip_network(prefix), nexthops=hops or (Nexthop(device=ETH0),), **fields)  # type: ignore[arg-type]


def rule(priority: int, **fields: object) -> PolicyRule:
    return PolicyRule(priority=priority, family=4, **fields)  # type: ignore[arg-type]


def namespace(*routes: Route, rules: tuple[PolicyRule, ...] = (), **fields: object) -> NetworkNamespace:
    listed = (LOCAL_RULE, *rules, MAIN_RULE) if rules else ()
    return NetworkNamespace(
        id="n/1",
        place=Place("node", "n"),
        node="n",
        devices=DEVICES,
        routes=routes,
        rules=listed,
        **fields,  # type: ignore[arg-type]
    )


def key(**fields: object) -> FlowKey:
    return FlowKey(ip_address(TARGET), **fields)  # type: ignore[arg-type]


def answers(ns: NetworkNamespace, flow: FlowKey) -> list[tuple[Found | Failed, tuple[Fraction, ...], int]]:
    """Of every alternative: the result, the probabilities of the last choice, and which was taken."""
    found: list[tuple[Found | Failed, tuple[Fraction, ...], int]] = []
    scripts: list[tuple[int, ...]] = [()]
    while scripts:
        script = scripts.pop(0)
        choices = Choices(script)
        result = lookup(Stack(ns, choices), flow)
        last = choices.made[-1] if choices.made else None
        found.append((result, last.probabilities if last else (), last.taken if last else 0))
        for position in range(len(script), len(choices.made)):
            before = tuple(choice.taken for choice in choices.made[:position])
            count = len(choices.made[position].probabilities) or 2
            scripts += [(*before, other) for other in range(1, count)]
    return found


def table_of(result: Found | Failed) -> int | str:
    return result.kind if isinstance(result, Failed) else result.route.table


EVERYWHERE = (route("0.0.0.0/0"), route("0.0.0.0/0", Nexthop(device=ETH1), table=100))


@pytest.mark.parametrize(
    ("selector", "flow", "table"),
    [
        pytest.param({}, {}, 100, id="a rule without selectors takes all"),
        pytest.param({"iif": "lo"}, {}, 100, id="iif lo takes our own packets"),
        pytest.param({"iif": "lo"}, {"iif": ETH0}, 254, id="iif lo does not take what came in"),
        pytest.param({"iif": "eth0"}, {"iif": ETH0}, 100, id="iif by name"),
        pytest.param({"iif": "eth0", "iif_detached": True}, {"iif": ETH0}, 254, id="a vanished iif"),
        pytest.param({"iif": "gone", "invert": True}, {"iif": ETH0}, 100, id="not iif of a vanished device"),
        pytest.param({"oif": "eth1"}, {"iif": ETH0}, 254, id="oif never takes what came in"),
        pytest.param({"oif": "eth1"}, {"oif": ETH1}, 100, id="oif takes a bound socket"),
        pytest.param({"mark": 1, "mask": 0xFF}, {"mark": 0x101}, 100, id="mark under its mask"),
        pytest.param({"mark": 1, "mask": 0xFF}, {"mark": 2}, 254, id="another mark"),
        pytest.param({"mark": 0, "mask": 1}, {"mark": 2}, 100, id="fwmark 0/1 wants the bit unset"),
        pytest.param({"mark": 1, "mask": 0}, {"mark": 2}, 100, id="mask 0 is no selector"),
        pytest.param({"tos": 0x10}, {"tos": 0x30}, 100, id="tos 0x10 also takes 0x30"),
        pytest.param({"tos": 0x10}, {"tos": 0xB0}, 100, id="tos 0x10 also takes 0xb0"),
        pytest.param({"tos": 0x10}, {"tos": 0x08}, 254, id="another tos"),
        pytest.param({"uid": (0, 0)}, {"iif": ETH0}, 100, id="uid 0 takes what came in"),
        pytest.param({"uid": (1000, 2000)}, {"uid": 1500}, 100, id="uid in its range"),
        pytest.param({"protocol": 6}, {"protocol": 17}, 254, id="another protocol"),
        pytest.param({"dport": (80, 90)}, {"dport": 90}, 100, id="the last port of a range"),
        pytest.param({"sport": (80, 90)}, {"sport": 91}, 254, id="one port too far"),
        pytest.param({"source": ip_network("10.0.0.0/8")}, {}, 254, id="from: not an unbound socket"),
        pytest.param(
            {"source": ip_network("10.0.0.0/8")}, {"src": ip_address("10.1.1.1")}, 100, id="from its prefix"
        ),
        pytest.param({"destination": ELSEWHERE}, {}, 254, id="to another prefix"),
        pytest.param({"destination": ELSEWHERE, "invert": True}, {}, 100, id="not to a prefix"),
        pytest.param({"suppress_prefix": 0}, {}, 254, id="a default route is suppressed"),
        pytest.param({"suppress_group": 0}, {}, 254, id="a device of the group is suppressed"),
        pytest.param({"suppress_group": 5}, {}, 100, id="only devices of the group are suppressed"),
        pytest.param({"l3mdev": True}, {}, 254, id="l3mdev without any VRF"),
        pytest.param({"action": "nop"}, {}, 254, id="nop"),
        pytest.param({"action": "goto", "goto": 32766}, {}, 254, id="goto"),
        pytest.param({"action": "goto", "goto": 20000}, {}, 254, id="an unresolved goto is passed over"),
        pytest.param({"action": "prohibit"}, {}, "prohibit", id="a prohibit rule"),
    ],
)
def test_rule_selectors(selector: dict[str, object], flow: dict[str, object], table: int | str) -> None:
    ns = namespace(*EVERYWHERE, rules=(rule(10, **{"table": 100, **selector}),))
    ((result, _, _),) = answers(ns, key(**flow))
    assert table_of(result) == table


def test_longest_prefix_then_tos_then_metric() -> None:
    ns = namespace(
        route("10.0.0.0/8"),
        route("10.9.0.0/16", metric=20),
        route("10.9.0.0/16", Nexthop(device=ETH1), metric=10),
        route("10.9.0.0/16", tos=0x10, metric=30),
    )
    ((plain, _, _),), ((low_delay, _, _),) = answers(ns, key()), answers(ns, key(tos=0x10))
    assert isinstance(plain, Found)
    assert isinstance(low_delay, Found)
    assert (plain.route.metric, low_delay.route.metric) == (10, 30)


def test_throw_leaves_the_table() -> None:
    inside = (route("0.0.0.0/0", table=100), route("10.9.0.0/16", table=100, type="throw"))
    ns = namespace(*inside, route("0.0.0.0/0"), rules=(rule(10, table=100),))
    ((result, _, _),) = answers(ns, key())
    assert table_of(result) == 254


@pytest.mark.parametrize(
    ("kind", "errno", "by_rule"),
    [
        ("blackhole", "EINVAL", "EINVAL"),
        ("unreachable", "EHOSTUNREACH", "ENETUNREACH"),
        ("prohibit", "EACCES", "EACCES"),
    ],
)
def test_error_routes_and_rules(kind: str, errno: str, by_rule: str) -> None:
    refusing = route("10.9.0.0/16", type=kind)
    ((result, _, _),) = answers(namespace(refusing), key())
    assert isinstance(result, Failed)
    assert (result.errno, result.route) == (errno, refusing)
    ((result, _, _),) = answers(namespace(rules=(rule(10, action=kind),)), key())
    assert isinstance(result, Failed)
    assert (result.errno, result.route) == (by_rule, None)
    assert result.rule is not None


def test_main_beats_local_by_a_longer_prefix_only_until_rules_are_changed() -> None:
    routes = (route("10.9.0.0/16", type="local", table=255), route("10.9.0.1/32"))
    ((touched, _, _),) = answers(namespace(*routes, rules=(rule(10, action="nop"),)), key())
    assert table_of(touched) == 255
    untouched = answers(namespace(*routes), key())
    assert [table_of(result) for result, _, _ in untouched] == [254, 255]


def test_without_difference_nothing_is_undecided() -> None:
    routes = (route("10.9.0.1/32", type="local", table=255), route("10.9.0.0/16"))
    assert len(answers(namespace(*routes), key())) == 1


HOPS = (
    Nexthop(device=ETH0, weight=1),
    Nexthop(device=ETH1, weight=2),
    Nexthop(device=ETH0, weight=1, gateway=ip_address("10.0.0.9")),
)


def shares(ns: NetworkNamespace, **flow: object) -> list[Fraction]:
    return [probabilities[taken] for _, probabilities, taken in answers(ns, key(**flow)) if probabilities]


def test_multipath_by_weight() -> None:
    assert shares(namespace(route("10.9.0.0/16", *HOPS))) == [Fraction(1, 4), Fraction(1, 2), Fraction(1, 4)]


@pytest.mark.parametrize(
    ("hop", "sysctls", "count"),
    [
        pytest.param({"dead": True}, {}, 1, id="dead ones are out"),
        pytest.param({"linkdown": True}, {}, 2, id="linkdown ones stay in use"),
        pytest.param(
            {"linkdown": True},
            {"net.ipv4.conf.all.ignore_routes_with_linkdown": "1"},
            1,
            id="linkdown ones are out if the sysctl says so",
        ),
    ],
)
def test_nexthops_that_are_out_of_use(hop: dict[str, object], sysctls: dict[str, str], count: int) -> None:
    hops = (Nexthop(device=ETH0, **hop), Nexthop(device=ETH1))  # type: ignore[arg-type]
    assert len(answers(namespace(route("10.9.0.0/16", *hops), sysctls=Sysctls(sysctls)), key())) == count


def test_nexthop_objects_avoid_failed_neighbours() -> None:
    gateways = (ip_address("10.0.0.2"), ip_address("10.0.0.3"))
    hops = tuple(Nexthop(device=ETH0, gateway=gateway) for gateway in gateways)
    states = zip(gateways, (NUD_FAILED, NUD_REACHABLE), strict=True)
    known = tuple(Neighbour(device=ETH0, address=gateway, state=state) for gateway, state in states)
    ((result, _, _),) = answers(namespace(route("10.9.0.0/16", *hops, nexthop_id=7), neighbours=known), key())
    assert isinstance(result, Found)
    assert result.nexthop.gateway == gateways[1]
    assert len(answers(namespace(route("10.9.0.0/16", *hops), neighbours=known), key())) == 2


@pytest.mark.parametrize(("release", "ways"), [("6.18.1-x", 1), ("6.1.0-42-amd64", 2), (None, 1)])
def test_a_bound_source_draws_the_flow_to_its_device_on_new_kernels(release: str | None, ways: int) -> None:
    own = ip_address("10.1.0.1")
    ns = namespace(
        route("10.9.0.0/16", Nexthop(device=ETH0), Nexthop(device=ETH1)),
        addresses=(InterfaceAddress(device=ETH1, address=own, prefix=24),),
        sysctls=Sysctls({"kernel.osrelease": release} if release else {}),
    )
    ns_with_other = namespace(
        *ns.routes,
        addresses=(*ns.addresses, InterfaceAddress(device=ETH0, address=ip_address("10.0.0.1"), prefix=24)),
        sysctls=ns.sysctls,
    )
    results = answers(ns_with_other, key(src=own))
    assert len(results) == ways
    assert any(isinstance(result, Found) and result.nexthop.device == ETH1 for result, _, _ in results)


@pytest.mark.parametrize(
    "ns",
    [
        pytest.param(namespace(route("10.9.0.0/16", encap="seg6")), id="an encapsulation"),
        pytest.param(
            namespace(*EVERYWHERE, rules=(rule(10, table=102, unsupported="flowlabel"), rule(11, table=100))),
            id="a selector that is not modelled",
        ),
    ],
)
def test_what_is_not_known_is_walked_both_ways(ns: NetworkNamespace) -> None:
    choices = Choices()
    lookup(Stack(ns, choices), key())
    assert [choice.what for choice in choices.made] == ["unknown"]


def test_a_selector_that_is_not_modelled_does_not_matter_where_another_one_decides() -> None:
    ns = namespace(*EVERYWHERE, rules=(rule(10, table=100, mark=1, mask=1, unsupported="flowlabel"),))
    assert [table_of(result) for result, _, _ in answers(ns, key())] == [254]


def test_of_default_routes_with_the_same_metric_either_may_be_taken() -> None:
    gateways = [Nexthop(device=ETH0, gateway=ip_address(f"10.0.0.{last}")) for last in (2, 3)]
    ns = namespace(*(route("0.0.0.0/0", gateway) for gateway in gateways))
    taken = {result.nexthop for result, _, _ in answers(ns, key()) if isinstance(result, Found)}
    assert taken == set(gateways)


def test_of_ipv6_all_worse_metrics_are_compared_at_once() -> None:
    """find_rr_leaf: so a nexthop object that is a blackhole hides a better route (seed 3578906603 of
    tests/kernel/test_routing_oracle.py, a host)."""
    prefix, flow = "fd10::/16", FlowKey(ip_address("fd10::9"), oif=ETH0)
    best, worse = route(prefix, Nexthop(device=ETH1), metric=5), route(prefix, metric=1024)
    hole = Route(destination=ip_network(prefix), type="blackhole", metric=2000, nexthop_id=6)
    results = [
        result
        for routes in ((best, worse, hole), (best, worse), (worse, hole))
        for result, _, _ in answers(namespace(*routes), flow)
    ]
    assert [one.route for one in results] == [hole, worse, worse]
