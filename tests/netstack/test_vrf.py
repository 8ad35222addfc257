"""VRFs between three hosts: the guest's labs prove more, and are slow."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from kubectl_skoop.netstack.device import IFF_LOWER_UP, IFF_NOARP, IFF_UP, Device
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import TABLE_LOCAL, TABLE_MAIN, Nexthop, PolicyRule, Route
from kubectl_skoop.netstack.sysctl import Sysctls
from tests.netstack.builders import End, host, walk

RED, BLUE, TABLE = 5, 6, 10
RULE = PolicyRule(priority=1000, family=4, l3mdev=True)
ACCEPT = {"net.ipv4.tcp_l3mdev_accept": "1"}


def network(
    *more: Route, rules: tuple[PolicyRule, ...] = (RULE,), sysctls: Mapping[str, str] | None = None
) -> dict[str, NetworkNamespace]:
    """a 10.1.0.2 and b 10.2.0.2 in the VRF red of r, c 10.3.0.2 outside of it"""
    ends = (
        End(name="p0", index=2, peer=("a", 2), address="10.1.0.1/24", master=RED),
        End(name="p1", index=3, peer=("b", 2), address="10.2.0.1/24", master=RED),
        End(name="p2", index=4, peer=("c", 2), address="10.3.0.1/24"),
    )
    red = Device(index=RED, name="red", kind="vrf", flags=IFF_UP | IFF_LOWER_UP | IFF_NOARP, vrf_table=TABLE)
    made = host("r", *ends, devices=(red,), forwarding=True)
    return {
        **{
            name: host(
                name,
                End(name="eth0", index=2, peer=("r", index), address=f"10.{index - 1}.0.2/24"),
                gateway=f"10.{index - 1}.0.1",
            )
            for index, name in enumerate("abc", start=2)
        },
        "r": replace(
            made,
            rules=tuple(sorted((*made.rules, *rules), key=lambda rule: (rule.priority, rule.family))),
            routes=(*(_moved(route) for route in made.routes), *more),
            sysctls=Sysctls({**made.sysctls.values, **(sysctls or {})}),
            sockets=(
                *made.sockets,
                Socket(
                    protocol=6, state="listen", local=ip_address("0.0.0.0"), port=81, device=RED, backlog=1
                ),
            ),
        ),
    }


def _moved(route: Route) -> Route:
    """Into the VRF's table, as the kernel does with routes of its ports."""
    inside = route.nexthops[0].device in (2, 3) and route.table in (TABLE_LOCAL, TABLE_MAIN)
    return route._replace(table=TABLE) if inside else route


@pytest.mark.parametrize(
    ("flow", "told"),
    [
        ("a tcp 10.2.0.2", "answer, b sees 10.1.0.2"),
        ("a tcp 10.3.0.2", "timeout"),
        ("c tcp 10.2.0.2", "network is unreachable, icmp 3/0 from 10.3.0.1"),
        ("a tcp 10.1.0.1", "connection refused"),
        ("a tcp 10.1.0.1:81", "answer, r sees 10.1.0.2"),
        ("r tcp 10.2.0.2", "network is unreachable"),
        ("r tcp 10.2.0.2%red", "answer, b sees 10.2.0.1"),
        ("r tcp 10.1.0.1%red:81", "answer, r sees 10.1.0.1"),
    ],
)
def test_the_table_and_the_sockets_are_those_of_the_vrf(flow: str, told: str) -> None:
    assert walk(network(), flow) == told


def test_unbound_listeners_take_what_is_the_vrfs_if_told_to() -> None:
    assert walk(network(sysctls=ACCEPT), "a tcp 10.1.0.1") == "answer, r sees 10.1.0.2"


def test_without_its_rule_nobody_looks_into_its_table() -> None:
    assert walk(network(rules=()), "a tcp 10.2.0.2") == "no route to host"


def test_a_route_into_the_vrf_goes_on_by_its_table() -> None:
    into = Route(destination=ip_network("10.1.0.0/24"), nexthops=(Nexthop(device=RED),))
    assert walk(network(into), "c tcp 10.1.0.2") == "answer, a sees 10.3.0.2"


def test_vrfs_that_lead_into_each_other_or_themselves_are_a_loop() -> None:
    into = Route(destination=ip_network("10.9.0.0/24"), nexthops=(Nexthop(device=RED),))
    itself = into._replace(table=TABLE)
    assert walk(network(into, itself), "c tcp 10.9.0.2") == "timeout"
    hosts = network(into, itself._replace(nexthops=(Nexthop(device=BLUE),)))
    flags = IFF_UP | IFF_LOWER_UP | IFF_NOARP
    blue = Device(index=BLUE, name="blue", kind="vrf", flags=flags, vrf_table=TABLE + 1)
    back = into._replace(table=TABLE + 1)
    hosts["r"] = replace(
        hosts["r"], devices={**hosts["r"].devices, BLUE: blue}, routes=(*hosts["r"].routes, back)
    )
    assert walk(hosts, "c tcp 10.9.0.2").startswith("no route to host, icmp 11/0")


def test_a_rule_that_names_the_vrf_is_unknown() -> None:
    rule = PolicyRule(priority=10, family=4, iif="red", action="blackhole")
    assert walk(network(rules=(rule, RULE)), "a tcp 10.2.0.2").startswith("unknown: whether rule")
