"""kube-proxy's nftables mode, as it was dumped from a cluster: backends are found by walking."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from kubectl_skoop.model.packet import Owner, Passage
from kubectl_skoop.netstack.netfilter.nft.ruleset import parse_ruleset
from kubectl_skoop.netstack.netfilter.nft.statement.match import Undecidable
from kubectl_skoop.netstack.netfilter.nft.statement.opaque import Opaque
from kubectl_skoop.netstack.netfilter.outcome import Dropped, Passed, Rejected
from kubectl_skoop.netstack.netfilter.types import Hook

Make = Callable[..., Any]
DUMP = json.loads((Path(__file__).parents[3] / "data" / "kube-proxy-1.36.2.nft.json").read_text())
SERVICE, NODE = "10.96.0.10", "10.0.0.2"
PODS = ["10.244.1.2", "10.244.2.2", "10.244.3.2"]


def test_no_rule_is_unknown() -> None:
    tables = [table for table in parse_ruleset(DUMP) if table.short_name == "kube-proxy"]
    rules = [rule for table in tables for chain in table.chains.values() for _, rule in chain.all_rules]
    assert len(rules) == 46
    statements = [statement for rule in rules for statement in rule.statements]
    assert [each for each in statements if isinstance(each, Undecidable | Opaque)] == []


@pytest.mark.parametrize(
    ("dst", "dport", "hook"),
    [(SERVICE, 80, Hook.PREROUTING), (NODE, 30080, Hook.PREROUTING), (SERVICE, 80, Hook.OUTPUT)],
    ids=["the cluster address", "the node port", "the cluster address from the node itself"],
)
def test_each_backend_is_as_likely(router: Make, tcp: Make, dst: str, dport: int, hook: Hook) -> None:
    reached = []
    for answer in range(3):
        made = router(nft=DUMP, script=(answer,))
        end = made.at(hook, tcp(dst=dst, dport=dport), Passage(owner=Owner()))
        assert isinstance(end, Passed)
        reached.append((str(end.packet.dst), end.packet.dport))
        (choice,) = made.stack.choices.made
        assert choice.probabilities == (Fraction(1, 3),) * 3
    assert reached == [(pod, 8080) for pod in PODS]


@pytest.mark.parametrize(
    ("src", "dport", "source"),
    [("10.77.1.2", 80, "10.77.2.1"), ("10.244.2.9", 80, "10.244.2.9"), ("10.244.2.2", 80, "10.77.2.1")],
    ids=["from outside it is masqueraded", "from a pod it is not", "from the backend itself it is"],
)
def test_who_is_masqueraded(router: Make, tcp: Make, src: str, dport: int, source: str) -> None:
    end = router(nft=DUMP, script=(1,)).forward(tcp(src=src, dst=SERVICE, dport=dport))
    assert isinstance(end, Passed)
    assert (str(end.packet.src), str(end.packet.dst)) == (source, "10.244.2.2")


def test_a_port_that_the_service_lacks_is_rejected(router: Make, tcp: Make) -> None:
    end = router(nft=DUMP).forward(tcp(dst=SERVICE, dport=81))
    assert isinstance(end, Rejected)
    assert end.kind == "icmp-port-unreachable"


def test_an_address_that_no_service_has_is_dropped(router: Make, tcp: Make) -> None:
    end = router(nft=DUMP).forward(tcp(dst="10.96.0.77"))
    assert isinstance(end, Dropped)
    assert end.trace.text == 'ip daddr 10.96.0.0/16 drop comment "Drop traffic to unallocated ClusterIPs"'
