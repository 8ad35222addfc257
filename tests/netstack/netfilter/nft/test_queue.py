"""What kube-network-policies writes: packets that begin a connection of some pods go to a program."""

from collections.abc import Callable
from typing import Any

import pytest

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.netstack.netfilter.outcome import Passed, Stolen

PLACE = {"family": "inet", "table": "kube-network-policies"}
ESTABLISHED = {
    "match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": ["established", "related"]},
}


def table(pods: list[str], queue: object) -> dict[str, Any]:
    """Of pkg/networkpolicy/controller.go, syncNFTablesRules, at the hook forward."""
    chain = {"name": "c", "hook": "forward", "type": "filter", "prio": 0, "policy": "accept"}
    asked = {
        "match": {
            "op": "==",
            "left": {"payload": {"protocol": "ip", "field": "saddr"}},
            "right": "@podips-v4",
        }
    }
    return {
        "nftables": [
            {"table": {"family": "inet", "name": PLACE["table"]}},
            {"set": {**PLACE, "name": "podips-v4", "type": "ipv4_addr", "elem": pods}},
            {"chain": {**PLACE, **chain}},
            {"rule": {**PLACE, "chain": "c", "handle": 1, "expr": [ESTABLISHED, {"accept": None}]}},
            {"rule": {**PLACE, "chain": "c", "handle": 2, "expr": [asked, {"queue": queue}]}},
        ]
    }


@pytest.mark.parametrize("queue", [{"num": 100}, {"num": 100, "flags": "bypass"}, None])
def test_what_a_program_decides_is_unknown(
    router: Callable[..., Any], tcp: Callable[..., Packet], queue: object
) -> None:
    packet = tcp()
    outcome = router(nft=table([str(packet.src)], queue)).forward(packet)
    assert isinstance(outcome, Stolen)
    assert "a program gets the packet by nfnetlink_queue" in outcome.unknown.reason
    assert isinstance(router(nft=table(["192.0.2.77"], queue)).forward(packet), Passed)
