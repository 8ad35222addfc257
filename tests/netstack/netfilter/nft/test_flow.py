"""`flow add`: which packets make a flow of their connection, and what becomes of those that come later."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from kubectl_skoop.model.packet import Packet, TcpFlags
from kubectl_skoop.netstack.netfilter.outcome import Dropped, Passed, Stolen

PLACE = {"family": "inet", "table": "t", "chain": "c"}
NEW = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "new"}}
FLOW = {"flow": {"op": "add", "flowtable": "@f"}}


def table(*rules: list[object]) -> dict[str, Any]:
    chain = {"name": "c", "hook": "forward", "type": "filter", "prio": 0, "policy": "drop"}
    listed: list[object] = [
        {"table": {"family": "inet", "name": "t"}},
        {"chain": {"family": "inet", "table": "t", **chain}},
    ]
    return {"nftables": [*listed, *({"rule": {**PLACE, "handle": 1, "expr": rule}} for rule in rules)]}


OWN = table([FLOW, {"accept": None}])
BEHIND_NEW = table([NEW, {"accept": None}], [FLOW, {"accept": None}])


@pytest.fixture
def udp(tcp: Callable[..., Packet]) -> Packet:
    return replace(tcp(), protocol=17, flags=TcpFlags(0))


def answer(packet: Packet) -> Packet:
    return replace(packet, src=packet.dst, dst=packet.src, sport=packet.dport, dport=packet.sport)


def test_a_first_packet_ends_the_rule(router: Callable[..., Any], udp: Packet) -> None:
    assert isinstance(router(nft=OWN).forward(udp), Dropped)


@pytest.mark.parametrize(("script", "fate"), [((0,), Stolen), ((1,), Dropped)])
def test_an_answer_makes_a_flow_that_rules_may_not_see_any_more(
    router: Callable[..., Any], udp: Packet, script: tuple[int, ...], fate: type[object]
) -> None:
    here = router(nft=BEHIND_NEW, script=script)
    assert isinstance(here.forward(udp), Passed)
    assert isinstance(here.forward(answer(udp), back=True), Passed)
    assert isinstance(here.forward(udp), fate)


@pytest.mark.parametrize(("script", "fate"), [((0,), Passed), ((1,), Dropped)])
def test_whether_a_handshake_makes_a_flow_depends_on_the_kernel(
    router: Callable[..., Any], tcp: Callable[..., Packet], script: tuple[int, ...], fate: type[object]
) -> None:
    here = router(nft=BEHIND_NEW, script=script)
    assert isinstance(here.forward(tcp()), Passed)
    synack = replace(answer(tcp()), flags=TcpFlags.SYN | TcpFlags.ACK)
    assert isinstance(here.forward(synack, back=True), fate)
