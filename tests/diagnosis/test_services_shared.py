"""Nodes that are alike are compared once, and what differs is found on the node that it is on."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.services import shared
from kubectl_skoop.diagnosis.services.compare import compare_door
from kubectl_skoop.diagnosis.services.every import Compared, every_service
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.namespace import NetworkNamespace
from tests.diagnosis.conftest import MakeContext
from tests.diagnosis.test_services import EARLY, namespace, recorded

DUMP = Path(__file__).parents[1] / "data" / "iptables" / "real-kn1-1.36.2.ipt"
WRITTEN = DUMP.read_text()
COUNTED = WRITTEN.replace("[0:0]", "[7:420]")
STALE = WRITTEN.replace("--to-destination 10.244.3.2:8080", "--to-destination 10.244.3.9:8080")
UNEVEN = WRITTEN.replace("0.33333333349", "0.5")


def node(name: str, number: int) -> Object:
    addresses = [{"type": "InternalIP", "address": f"10.0.1.{number}"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"addresses": addresses},
    }


def found(make_context: MakeContext, texts: Sequence[str]) -> Compared:
    """On nodes that have no endpoint, in turn."""
    names = [f"w{number}" for number in range(len(texts))]
    namespaces: dict[str, NetworkNamespace] = {
        str(Place("node", name)): namespace(text) for name, text in zip(names, texts, strict=True)
    }
    nodes = [node(name, number) for number, name in enumerate(names)]
    return every_service(make_context((*nodes, *recorded(*EARLY)), namespaces), names)


def shown(compared: Compared) -> list[tuple[str, str]]:
    return [(str(one.where.place), one.code) for one in compared.findings]


def test_counters_make_no_difference(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch) -> None:
    doors = []

    def counted(*words: object) -> object:
        doors.append(words)
        return compare_door(*words)  # type: ignore[arg-type]

    monkeypatch.setattr(shared, "compare_door", counted)
    assert COUNTED != WRITTEN
    assert found(make_context, [WRITTEN]) == Compared()
    alone = len(doors)
    assert found(make_context, [WRITTEN, COUNTED, WRITTEN]) == Compared()
    assert alone > 2
    assert len(doors) == 2 * alone


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (1, 0, 3, 2)])
def test_each_node_has_its_own_findings(make_context: MakeContext, order: tuple[int, ...]) -> None:
    texts = [
        (WRITTEN, []),
        (STALE, ["service.stale-endpoint"]),
        (COUNTED, []),
        (UNEVEN, ["service.wrong-share"]),
    ]
    chosen = [texts[at] for at in order]
    expected = [(f"node/w{at}", code) for at, (_, codes) in enumerate(chosen) for code in codes]
    assert shown(found(make_context, [text for text, _ in chosen])) == expected


def test_the_same_mistake_is_told_of_each_node(make_context: MakeContext) -> None:
    compared = found(make_context, [STALE, WRITTEN, STALE])
    assert shown(compared) == [("node/w0", "service.stale-endpoint"), ("node/w2", "service.stale-endpoint")]
    first, second = compared.findings
    assert (first.message, first.evidence) == (second.message, second.evidence)


def test_a_node_port_is_the_same_whatever_the_address_of_its_node(make_context: MakeContext) -> None:
    """The rule behind it is gone."""
    lines = [line for line in WRITTEN.split("\n") if not ("KUBE-NODEPORTS" in line and "30080" in line)]
    one, both = (found(make_context, ["\n".join(lines)] * count).findings for count in (1, 2))
    assert [str(finding.where.place) for finding in both] == ["node/w0", "node/w1"]
    assert "node port 30080" in one[0].message
    assert {finding.message for finding in both} == {one[0].message}
