"""Look-ups that a branch has made before, and what is made out of a namespace, are not made again."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.changed import changed
from kubectl_skoop.model.packet import Packet, Protocol
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.remembered import remembered
from kubectl_skoop.netstack.routing.flow import FlowKey
from kubectl_skoop.netstack.routing.input import Forward, route_input
from kubectl_skoop.netstack.routing.output import route_output
from kubectl_skoop.netstack.stack import Stack
from tests.netstack.builders import routed

HERE, THERE = ip_address("10.1.0.2"), ip_address("10.2.0.2")
PACKET = Packet(src=HERE, dst=THERE, protocol=Protocol.TCP, sport=1, dport=2)


def test_the_same_question_has_the_same_answer_and_step() -> None:
    stack = Stack(routed()["r"], Choices())
    first, second = (route_input(stack, PACKET, 2, 0) for _ in range(2))
    assert isinstance(first, Forward)
    assert first is second
    assert [step.kind for step in stack.trace] == ["route", "route"]
    assert stack.trace[0] == stack.trace[1]
    left = stack.choices.effort.left
    route_input(stack, PACKET, 2, 0)
    assert stack.choices.effort.left < left


@pytest.mark.parametrize(
    ("packet", "device", "mark"),
    [
        pytest.param(replace(PACKET, dst=ip_address("10.9.0.1")), 2, 0, id="to somebody else"),
        pytest.param(replace(PACKET, src=ip_address("10.2.0.3")), 2, 0, id="from somebody else"),
        pytest.param(PACKET, 3, 0, id="by another device"),
        pytest.param(PACKET, 2, 7, id="with a mark"),
        pytest.param(replace(PACKET, tos=8), 2, 0, id="with a TOS"),
        pytest.param(replace(PACKET, sport=9), 2, 0, id="from another port"),
        pytest.param(replace(PACKET, protocol=Protocol.UDP), 2, 0, id="of another protocol"),
        pytest.param(replace(PACKET, more_fragments=True), 2, 0, id="a fragment, which has no ports"),
    ],
)
def test_another_question_is_looked_up(packet: Packet, device: int, mark: int) -> None:
    stack = Stack(routed()["r"], Choices())
    route_input(stack, PACKET, 2, 0)
    answer = route_input(stack, packet, device, mark)
    assert len(stack.routes) == 2
    assert answer == route_input(Stack(routed()["r"], Choices()), packet, device, mark)


def test_a_bound_source_makes_another_question() -> None:
    stack = Stack(routed()["a"], Choices())
    key = FlowKey(dst=THERE)
    assert route_output(stack, key) is route_output(stack, key)
    route_output(stack, key, bound_source=ip_address("10.9.9.9"))
    assert len(stack.routes) == 2


def test_a_changed_namespace_remembers_nothing() -> None:
    @remembered
    def number_of(ns: NetworkNamespace, what: str) -> list[str]:
        return [what, *map(str, ns.routes)]

    ns = routed()["r"]
    assert number_of(ns, "x") is number_of(ns, "x")
    assert number_of(ns, "y") != number_of(ns, "x")
    assert number_of(replace(ns, routes=()), "x") == ["x"]


def test_a_changed_copy_is_as_the_standard_librarys() -> None:
    copy = changed(PACKET, ttl=3, src_mac="02:00:00:00:00:01")
    assert copy == replace(PACKET, ttl=3, src_mac="02:00:00:00:00:01")
    assert (PACKET.ttl, hash(copy)) == (64, hash(replace(copy)))
    with pytest.raises(TypeError, match="Packet has no field hops"):
        changed(PACKET, hops=3)  # type: ignore[call-arg]
