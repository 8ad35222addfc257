"""Copies of a flooded question are left out only where nothing would come of them."""

from dataclasses import replace
from ipaddress import IPv4Address, ip_address, ip_network

import pytest

from kubectl_skoop.model.packet import Arp
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack import receive
from kubectl_skoop.netstack.devices.flooded import goes_unheard
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_REACHABLE, Neighbour
from kubectl_skoop.netstack.routing.types import Nexthop, Route
from kubectl_skoop.netstack.stack import Stack
from tests.netstack.builders import changed, mac, routed, with_sysctl

DEVICE, STRANGER, ROUTER = 2, "10.1.0.99", ip_address("10.1.0.1")
LOCAL = Route(
    destination=ip_network(f"{STRANGER}/32"), table=100, type="local", nexthops=(Nexthop(device=DEVICE),)
)
PROXY = Neighbour(device=DEVICE, address=ip_address(STRANGER), proxy=True)
KNOWN = Neighbour(device=DEVICE, address=ROUTER, state=NUD_REACHABLE, mac=mac("r", 2))


def question(target: str = STRANGER) -> Arp:
    return Arp(
        request=True,
        sender_mac=mac("r", 2),
        sender=IPv4Address("10.1.0.1"),
        target=IPv4Address(target),
        src_mac=mac("r", 2),
    )


def unheard(ns: NetworkNamespace, asked: Arp) -> bool:
    return goes_unheard(Stack(ns, Choices()), ns.devices[DEVICE], asked)


def test_a_question_for_others_goes_unheard_and_receiving_it_changes_nothing() -> None:
    ns = routed()["a"]
    assert unheard(ns, question())
    stack = Stack(ns, Choices())
    receive.receive(stack, DEVICE, question())
    assert (stack.out, stack.neighbours, stack.journey.losses) == (type(stack.out)(), {}, [])
    assert not stack.choices.made


@pytest.mark.parametrize("setting", ["proxy_arp", "proxy_arp_pvlan"])
@pytest.mark.parametrize("device", ["all", "p0"])
def test_a_proxy_is_asked(setting: str, device: str) -> None:
    name = routed()["a"].devices[DEVICE].name if device == "p0" else "all"
    hosts = with_sysctl(routed(), "a", {f"net.ipv4.conf.{name}.{setting}": "1"})
    assert not unheard(hosts["a"], question())


def test_who_has_the_address_by_any_table_knows_the_sender_or_answers_for_it_is_asked() -> None:
    hosts = routed()
    own = str(next(entry.address for entry in hosts["a"].addresses if entry.device == DEVICE))
    assert not unheard(hosts["a"], question(own))
    assert not unheard(changed(hosts, "a", routes=(*hosts["a"].routes, LOCAL))["a"], question())
    assert not unheard(changed(hosts, "a", neighbours=(PROXY,))["a"], question())
    assert not unheard(changed(hosts, "a", neighbours=(KNOWN,))["a"], question())


@pytest.mark.parametrize("table", ["routes", "rules", "proxy_neighbours", "tc_filters"])
def test_what_was_not_read_may_decide(table: str) -> None:
    assert not unheard(replace(routed()["a"], gaps={table: "forbidden"}), question())
