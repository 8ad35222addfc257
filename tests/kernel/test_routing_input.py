"""Which sources and destinations a router takes from outside: real packets against `route_input`.

The kernel's own answer to a look-up is blind for most of it (K-72).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.routing.input import Broadcast, Forward, Local, Refused, route_input
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.input_lab import InputLab
from kubectl_skoop.testing.route_oracle import read_state

pytestmark = pytest.mark.kernel

HERE = "10.1.0.1"
ASKER, OTHER, NEXT = "10.1.0.50", "10.1.0.64", "10.2.0.9"
"""Two hosts behind r0, one behind r1."""
STRANGER = "172.16.0.1"
"""No route leads to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    title: str
    source: str
    to: str = HERE
    by: str = "r0"
    sysctls: Mapping[str, int] = field(default_factory=dict)
    ip: str = ""
    """More lines for `ip -batch`."""
    mark: int = 0
    seen: frozenset[str] = frozenset()
    """Empty: dropped without a trace."""


def case(title: str, source: str, *seen: str, **rest: object) -> Case:
    return Case(title=title, source=source, seen=frozenset(seen), **rest)  # type: ignore[arg-type]


STRICT, LOOSE = {"r0.rp_filter": 1}, {"r0.rp_filter": 2}
BACK_BY_R1 = f"route add {ASKER}/32 dev r1 table 100\nrule add pref 10 fwmark 7 lookup 100"
BACK_BY_R2 = f"route add {ASKER}/32 dev r2 table 100\nrule add pref 10 iif r1 lookup 100"
TWO_WAYS = "route add 10.9.0.0/16 nexthop dev r0 nexthop dev r1"

CASES = (
    case("without rp_filter a source may live elsewhere", "10.2.0.77", "delivered"),
    case("without rp_filter a source may live nowhere", STRANGER, "delivered"),
    case("strict: the way back is another device", "10.2.0.77", "rp-filter", sysctls=STRICT),
    case("strict by all alone", "10.2.0.77", "rp-filter", sysctls={"all.rp_filter": 1}),
    case("all loose and the device strict: the larger counts", "10.2.0.77", "delivered",
         sysctls={"all.rp_filter": 2, "r0.rp_filter": 1}),
    case("strict: the way back is the same device", ASKER, "delivered", sysctls=STRICT),
    case("loose: any way back will do", "10.2.0.77", "delivered", sysctls=LOOSE),
    case("loose: no way back at all", STRANGER, "rp-filter", sysctls=LOOSE),
    case("loose on a device without address is strict (K-45)", "10.2.0.77", "rp-filter", by="r2",
         sysctls={"r2.rp_filter": 2}),
    case("loose on a device without address: the way back is it", "10.3.0.2", "delivered", by="r2",
         sysctls={"r2.rp_filter": 2}),
    case("an own address as source (K-46)", "10.2.0.1", by="r0"),
    case("an own address with accept_local", "10.2.0.1", "delivered", sysctls={"r0.accept_local": 1}),
    case("an own address with accept_local of all", "10.2.0.1", "delivered", sysctls={"all.accept_local": 1}),
    case("accept_local, strict: the address is of another device", "10.2.0.1", "rp-filter",
         sysctls={"r0.accept_local": 1, **STRICT}),
    case("accept_local, strict: the address is of this device", "10.1.0.1", "delivered",
         sysctls={"r0.accept_local": 1, **STRICT}),
    case("a loopback source", "127.0.0.5"),
    case("a loopback source with route_localnet", "127.0.0.5", "delivered", sysctls={"r0.route_localnet": 1}),
    case("127.0.0.1 with route_localnet is an own address", "127.0.0.1", sysctls={"all.route_localnet": 1}),
    case("a loopback destination", ASKER, to="127.0.0.1"),
    case("a loopback destination with route_localnet", ASKER, "delivered", to="127.0.0.1",
         sysctls={"all.route_localnet": 1}),
    case("a source in 0.0.0.0/8 is as any other", "0.0.0.5", "delivered"),
    case("0.0.0.0 as source", "0.0.0.0"),
    case("a multicast source", "224.0.0.5"),
    case("the limited broadcast address as source", "255.255.255.255"),
    case("0.0.0.0 as destination", ASKER, to="0.0.0.0"),
    case("a destination in 0.0.0.0/8 is as any other", ASKER, "icmp 3/0", to="0.0.0.7"),
    case("a broadcast source passes the quick check", "10.1.0.255", "delivered"),
    case("a broadcast source does not pass the full check", "10.1.0.255", sysctls=STRICT),
    case("a mark does not count for the way back (K-44)", ASKER, "delivered", mark=7, ip=BACK_BY_R1,
         sysctls=STRICT),
    case("a mark counts with src_valid_mark (K-44)", ASKER, "rp-filter", mark=7, ip=BACK_BY_R1,
         sysctls={"all.src_valid_mark": 1, **STRICT}),
    case("another mark with src_valid_mark", ASKER, "delivered", mark=8, ip=BACK_BY_R1,
         sysctls={"all.src_valid_mark": 1, **STRICT}),
    case("forwarded, strict", ASKER, "forwarded by r1", to=NEXT, sysctls=STRICT),
    case("the way back is looked up with the out device as iif (K-43)", ASKER, "rp-filter", to=NEXT,
         ip=BACK_BY_R2, sysctls=STRICT),
    case("for local delivery iif is lo", ASKER, "delivered", ip=BACK_BY_R2, sysctls=STRICT),
    case("strict takes any nexthop of several (K-47)", "10.9.0.1", "delivered", ip=TWO_WAYS, sysctls=STRICT),
    case("strict: none of the nexthops", "10.9.0.1", "rp-filter", by="r2", ip=TWO_WAYS,
         sysctls={"r2.rp_filter": 1}),
    case("forwarding is off on the in device", ASKER, "no forwarding", to=NEXT,
         sysctls={"r0.forwarding": 0}),
    case("forwarding off comes before the reverse path", "10.2.0.77", "no forwarding", to=NEXT,
         sysctls={"r0.forwarding": 0, **STRICT}),
    case("forwarding off hides that there is no route", ASKER, "no forwarding", to=STRANGER,
         sysctls={"r0.forwarding": 0}),
    case("forwarding off on the out device does not matter", ASKER, "forwarded by r1", to=NEXT,
         sysctls={"r1.forwarding": 0}),
    case("no route", ASKER, "icmp 3/0", to=STRANGER),
    case("an unreachable route", ASKER, "icmp 3/1", to=STRANGER,
         ip=f"route add unreachable {STRANGER}"),
    case("a prohibit route", ASKER, "icmp 3/13", to=STRANGER, ip=f"route add prohibit {STRANGER}"),
    case("a blackhole route", ASKER, to=STRANGER, ip=f"route add blackhole {STRANGER}"),
    case("an unreachable rule", ASKER, "icmp 3/0", to=NEXT, ip=f"rule add pref 9 to {NEXT} unreachable"),
    case("a prohibit rule", ASKER, "icmp 3/13", to=NEXT, ip=f"rule add pref 9 to {NEXT} prohibit"),
    case("a blackhole rule", "10.1.0.61", to=NEXT, ip=f"rule add pref 9 to {NEXT} blackhole"),
    case("a broadcast of the subnet", ASKER, "delivered", to="10.1.0.255"),
    case("a broadcast from a source of another device, strict", "10.2.0.77", "rp-filter", to="10.1.0.255",
         sysctls=STRICT),
    case("the limited broadcast from nobody", "0.0.0.0", "delivered", to="255.255.255.255"),
    case("out by the device it came in by", ASKER, "forwarded by r0", to=OTHER),
    case("out by the device it came in by, with redirects", ASKER, "forwarded by r0", "icmp 5/1",
         to=OTHER, sysctls={"r0.send_redirects": 1}),
)  # fmt: skip


HERE6, ASKER6, NEXT6, NOWHERE6 = "fd00:1::1", "fd00:1::50", "fd00:2::9", "fd99::1"
OFF6 = {"all.forwarding": 0}
CASES6 = (
    case("to the router", ASKER6, "delivered", to=HERE6),
    case("to the router's other address", ASKER6, "delivered", to="fd00:2::1"),
    case("there is no reverse path filter", "fd00:2::77", "delivered", to=HERE6),
    case("an own address as source", "fd00:2::1", "delivered", to=HERE6),
    case("forwarded", ASKER6, "forwarded by r1", to=NEXT6),
    case("forwarding is off", ASKER6, to=NEXT6, sysctls=OFF6),
    case("forwarding off on the in device does not matter", ASKER6, "forwarded by r1", to=NEXT6,
         sysctls={"r0.forwarding": 0}),
    case("no route", ASKER6, "icmp 1/0", to=NOWHERE6),
    case("no route and forwarding is off", ASKER6, "icmp 1/0", to=NOWHERE6, sysctls=OFF6),
    case("an unreachable route", ASKER6, "icmp 1/0", to=NOWHERE6, ip=f"route add unreachable {NOWHERE6}"),
    case("a prohibit route", ASKER6, "icmp 1/1", to=NOWHERE6, ip=f"route add prohibit {NOWHERE6}"),
    case("a blackhole route", ASKER6, to=NOWHERE6, ip=f"route add blackhole {NOWHERE6}"),
    case("a prohibit rule", ASKER6, "icmp 1/1", to=NEXT6, ip=f"rule add pref 9 to {NEXT6} prohibit"),
    case("an unreachable rule", ASKER6, "icmp 1/0", to=NEXT6, ip=f"rule add pref 9 to {NEXT6} unreachable"),
    case("a loopback source", "::1", to=HERE6),
    case("a loopback destination", ASKER6, to="::1"),
    case("a multicast source", "ff02::5", to=HERE6),
    case("a link-local source to the router", "fe80::50", "delivered", to=HERE6),
    case("a link-local source is not forwarded", "fe80::50", "icmp 1/2", to=NEXT6),
    case("the unspecified source is not forwarded", "::", to=NEXT6),
    case("out by the device it came in by", ASKER6, "forwarded by r0", "icmp 137/0", to="fd00:1::64"),
)  # fmt: skip


@pytest.mark.parametrize("row", CASES6, ids=lambda row: row.title)
def test_the_router_does_what_the_kernel_does_with_ipv6(row: Case) -> None:
    with InputLab(6) as lab:
        lab.neighbours({NEXT6: "r1", "fd00:1::64": "r0", ASKER6: "r0", "fe80::50": "r0"})
        lab.configure(row.sysctls, row.ip, row.mark)
        ns = read_state(lab.router.path)
        packet = lab.packet(row.source, row.to, row.by)
        assert lab.send(packet, row.by) == row.seen
    assert _predicted(Stack(ns, Choices()), packet, ns.device_by_name[row.by].index, row.mark) == row.seen


@pytest.mark.parametrize("row", CASES, ids=lambda row: row.title)
def test_the_router_does_what_the_kernel_does(row: Case) -> None:
    with InputLab() as lab:
        lab.neighbours({NEXT: "r1", OTHER: "r0", ASKER: "r0"})
        lab.configure(row.sysctls, row.ip, row.mark)
        ns = read_state(lab.router.path)
        packet = lab.packet(row.source, row.to, row.by)
        assert lab.send(packet, row.by) == row.seen
    device = ns.device_by_name[row.by].index
    assert _predicted(Stack(ns, Choices()), packet, device, row.mark) == row.seen


def _predicted(stack: Stack, packet: Packet, device: int, mark: int) -> set[str]:
    match route_input(stack, packet, device, mark):
        case Local() | Broadcast():
            return {"delivered"}
        case Forward() as way:
            seen = {f"forwarded by {stack.ns.device_name(way.device)}"}
            redirect = "icmp 5/1" if packet.family == 4 else "icmp 137/0"
            return seen | {redirect} if way.redirect else seen
        case Refused(kind="forwarding-disabled"):
            # The IPv4 counter; IPv6 is silent.
            return {"no forwarding"} if packet.family == 4 else set()
        case Refused(problem=problem) if problem is not None and problem.code == "source.rp-filter":
            return {"rp-filter"}
        case Refused(icmp=icmp):
            return {f"icmp {icmp[0]}/{icmp[1]}"} if icmp else set()
