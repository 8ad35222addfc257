"""Which fields of a flow choose its nexthop, by policy: the kernel's answers vary with no others."""

from collections.abc import Iterator
from fractions import Fraction
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.lookup import Failed, Found, lookup
from kubectl_skoop.netstack.routing.multipath import hash_inputs
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import Namespace, await_each, create, delete, lab_prefix
from kubectl_skoop.testing.route_oracle import RouteOracle, read_state

pytestmark = pytest.mark.kernel

ADDRESS = {4: ("10.{}.0.{}", 24), 6: ("fd00:{}::{}", 64)}
ASKED = 32
"""Values of a field: that all get the same of two nexthops by chance is no matter of this world."""
POLICIES = ((0, 7), (1, 7), (2, 7), (3, 1), (3, 2), (3, 7), (3, 0x10), (3, 0x20), (3, 0x37))
"""fib_multipath_hash_policy and fib_multipath_hash_fields."""


@pytest.fixture(params=[4, 6], ids=["IPv4", "IPv6"])
def lab(request: pytest.FixtureRequest) -> Iterator[tuple[int, Namespace]]:
    """Two equal ways to everything."""
    family: int = request.param
    form, length = ADDRESS[family]
    node = Namespace(f"{lab_prefix()}mp")
    create([node.name])
    try:
        node.set_sysctls({"net.ipv6.conf.default.accept_dad": 0})
        lines = ["link set lo up"]
        for number in (1, 2):
            lines += [
                f"link add v{number} type veth peer name p{number}",
                f"link set v{number} up",
                f"link set p{number} up",
                f"addr add {form.format(number, 1)}/{length} dev v{number} {'nodad' if family == 6 else ''}",
            ]
        lines += [f"addr add {form.format(9, host)}/{length} dev lo" for host in range(1, ASKED + 1)]
        hops = " ".join(f"nexthop via {form.format(number, 2)} dev v{number}" for number in (1, 2))
        node.run("ip", "-batch", "-", text="\n".join([*lines, f"route add default {hops}"]) + "\n")
        yield family, node
    finally:
        delete([node.name])


def variants(family: int) -> dict[str, list[FlowKey]]:
    """By field, flows that differ in it alone."""
    form = ADDRESS[family][0]
    flow = FlowKey(
        dst=ip_address(form.format(77, 1)),
        src=ip_address(form.format(9, 1)),
        protocol=17,
        sport=1000,
        dport=80,
    )
    numbers = range(1, ASKED + 1)
    return {
        "src": [flow._replace(src=ip_address(form.format(9, number))) for number in numbers],
        "dst": [flow._replace(dst=ip_address(form.format(77, number))) for number in numbers],
        "sport": [flow._replace(sport=1000 + number) for number in numbers],
        "dport": [flow._replace(dport=80 + number) for number in numbers],
    }


@pytest.mark.parametrize(("policy", "fields"), POLICIES)
def test_the_nexthop_varies_with_the_fields_of_the_policy(
    lab: tuple[int, Namespace], policy: int, fields: int
) -> None:
    family, node = lab
    tree = f"net.ipv{family}.fib_multipath_hash"
    node.set_sysctls({f"{tree}_policy": policy, f"{tree}_fields": fields})
    ns = read_state(node.path)
    with RouteOracle(node.path) as oracle:
        for field, flows in variants(family).items():
            answers = {_device(oracle, flow) for flow in flows}
            inputs = {hash_inputs(ns, flow) for flow in flows}
            assert (len(answers) > 1) == (len(inputs) > 1), field


def test_all_packets_of_a_flow_take_the_same_way(lab: tuple[int, Namespace]) -> None:
    family, node = lab
    ns = read_state(node.path)
    flow, other = variants(family)["dst"][:2]
    for first in (0, 1):
        stack = Stack(ns, Choices(script=(first, 1 - first)))
        taken = [_chosen(ns, stack, each) for each in (flow, flow, other, flow)]
        assert taken[0] == taken[1] == taken[3] != taken[2]
        assert [choice.probabilities for choice in stack.choices.made] == [(Fraction(1, 2),) * 2] * 2


NO_CARRIER = "link set p1 down"
FAILED = "neigh replace 10.1.0.2 dev v1 nud failed"
ASKED_FOR = "net.ipv4.fib_multipath_use_neigh"
IGNORED = "net.ipv{family}.conf.all.ignore_routes_with_linkdown"
WAYS: tuple[tuple[str, str, dict[str, int], bool, int], ...] = (
    # What changes, settings, whether the first device's address is the source, ways in IPv4 and in IPv6.
    ("nothing", "", {}, False, 2),
    ("a nexthop without carrier stays in use (K-50)", NO_CARRIER, {}, False, 2),
    ("unless it is to be ignored (K-50)", NO_CARRIER, {IGNORED: 1}, False, 1),
    ("IPv4 prefers the device of a bound source (K-47)", "", {}, True, 1),
    ("unless the gateway there is asked for, and did not answer", FAILED, {ASKED_FOR: 1}, True, 1),
)


@pytest.mark.parametrize(
    ("change", "settings", "bound", "ways"), [case[1:] for case in WAYS], ids=[case[0] for case in WAYS]
)
def test_the_nexthops_that_are_in_use(
    lab: tuple[int, Namespace], change: str, settings: dict[str, int], bound: bool, ways: int
) -> None:
    family, node = lab
    node.set_sysctls({name.format(family=family): value for name, value in settings.items()})
    node.run("ip", "-batch", "-", text=f"{change}\n")
    await_each([node])
    source = ip_address(ADDRESS[family][0].format(1 if bound else 9, 1))
    flows = [flow._replace(src=source) for flow in variants(family)["dst"]]
    ns = read_state(node.path)
    with RouteOracle(node.path) as oracle:
        answers = {ns.device_name(_device(oracle, flow)) for flow in flows}
    own = {_chosen(ns, Stack(ns, Choices(script=(first,))), flows[0]) for first in (0, 1)}
    assert own == answers
    assert len(answers) == (2 if bound and family == 6 else ways)


GROUPS = """link set v{grouped} group 7
route del default
route add default table 100 nexthop via {first} dev v1 nexthop via {second} dev v2
rule add lookup 100 suppress_ifgroup 7 priority 9
"""


@pytest.mark.parametrize("grouped", [1, 2])
def test_a_rule_that_suppresses_a_group_of_devices(lab: tuple[int, Namespace], grouped: int) -> None:
    """IPv4 looks at the first nexthop alone, IPv6 at the one that is taken."""
    family, node = lab
    form = ADDRESS[family][0]
    lines = GROUPS.format(grouped=grouped, first=form.format(1, 2), second=form.format(2, 2))
    node.run("ip", f"-{family}", "-batch", "-", text=lines)
    flows = variants(family)["dst"]
    ns = read_state(node.path)
    with RouteOracle(node.path) as oracle:
        answers = {_asked(ns, oracle, flow) for flow in flows}
    own = {_chosen(ns, Stack(ns, Choices(script=(first,))), flows[0]) for first in (0, 1)}
    assert own == answers
    assert len(answers) == (1 if family == 4 and grouped == 1 else 2)


def test_rules_see_three_bits_of_the_tos() -> None:
    """K-49."""
    node = Namespace(f"{lab_prefix()}tos")
    create([node.name])
    try:
        lines = "link set lo up\nrule add tos 0x10 lookup 100\nroute add 10.9.0.0/16 dev lo table 100\n"
        node.run("ip", "-batch", "-", text=lines)
        ns = read_state(node.path)
        with RouteOracle(node.path) as oracle:
            for tos, found in ((0x10, True), (0x30, True), (0xB0, True), (0x00, False), (0x18, False)):
                flow = FlowKey(dst=ip_address("10.9.0.1"), tos=tos)
                assert (oracle.ask(flow).route is not None) == found
                assert isinstance(lookup(Stack(ns, Choices()), flow), Found) == found
    finally:
        delete([node.name])


def _device(oracle: RouteOracle, flow: FlowKey) -> int:
    route = oracle.ask_way(flow).route
    assert route is not None
    return route.nexthops[0].device


def _asked(ns: NetworkNamespace, oracle: RouteOracle, flow: FlowKey) -> str:
    answer = oracle.ask_way(flow)
    return answer.errno or ns.device_name(_device(oracle, flow))


def _chosen(ns: NetworkNamespace, stack: Stack, flow: FlowKey) -> str:
    """The device, or the error."""
    found = lookup(stack, flow)
    return found.errno if isinstance(found, Failed) else ns.device_name(found.nexthop.device)
