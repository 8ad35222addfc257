"""Nodes that are alike are compared once, and what differs is found on the node that it is on."""

from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.services import every, shared
from kubectl_skoop.diagnosis.services.compare import compare_door
from kubectl_skoop.diagnosis.services.door import Door
from kubectl_skoop.diagnosis.services.every import Compared, every_service
from kubectl_skoop.diagnosis.services.iptables import IptablesRules
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


def asked(make_context: MakeContext, monkeypatch: pytest.MonkeyPatch, texts: Sequence[str]) -> list[Door]:
    """Doors that are asked one by one."""
    doors: list[Door] = []
    told = IptablesRules.told

    def counted(rules: IptablesRules, door: Door) -> object:
        doors.append(door)
        return told(rules, door)

    with monkeypatch.context() as patch:
        patch.setattr(IptablesRules, "told", counted)
        found(make_context, texts)
    return doors


def test_only_doors_behind_a_difference_are_asked(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    alike = asked(make_context, monkeypatch, [WRITTEN] * 3)
    assert {door.kind for door in alike} == {"node-port"}, "each node has them at an address of its own"
    reordered = shuffled(COUNTED, Random(1))
    assert asked(make_context, monkeypatch, [WRITTEN, reordered, COUNTED]) == alike
    stale = asked(make_context, monkeypatch, [WRITTEN, STALE, COUNTED])
    assert {door for door in stale if door not in alike}
    assert len(stale) <= len(alike) + 2


def test_two_versions_of_a_proxy_are_each_held_against_their_own(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    newer = WRITTEN.replace('--comment "', '--comment "new ')
    assert newer != WRITTEN
    doors = asked(make_context, monkeypatch, [WRITTEN, newer, COUNTED, newer])
    assert {door.kind for door in doors} == {"node-port"}


def shuffled(text: str, random: Random) -> str:
    """Rules of KUBE-SERVICES in another order, but for the last one, which leads to node ports."""
    lines = text.split("\n")
    places = [at for at, line in enumerate(lines) if "-A KUBE-SERVICES " in line][:-1]
    rules = [lines[at] for at in places]
    random.shuffle(rules)
    for at, rule in zip(places, rules, strict=True):
        lines[at] = rule
    return "\n".join(lines)


def changed(text: str, random: Random) -> str:
    """Some rules gone, twice, swapped, with another port or probability; or nothing but another order."""
    lines = shuffled(text, random).split("\n")
    rules = [at for at, line in enumerate(lines) if "-A KUBE-" in line]
    for _ in range(random.choice((0, 0, 1, 2, 5))):
        at, other = random.sample(rules, 2)
        match random.randrange(5):
            case 0:
                lines[at] = "# gone"
            case 1:
                lines[at] = f"{lines[at]}\n{lines[at]}"
            case 2:
                lines[at], lines[other] = lines[other], lines[at]
            case 3:
                lines[at] = lines[at].replace(":8080", ":8081").replace("--dport 80 ", "--dport 81 ")
            case 4:
                lines[at] = lines[at].replace("0.33333333349", "0.25").replace("-p tcp", "-p udp")
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(30))
def test_as_if_each_door_of_each_node_were_compared(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    random = Random(seed)
    texts = [changed(random.choice((WRITTEN, COUNTED)), random) for _ in range(5)]
    together = found(make_context, texts)
    monkeypatch.setattr(every, "Comparisons", lambda pods, alone: shared.Comparisons(pods, alone=True))
    assert found(make_context, texts) == together


def test_what_the_rules_of_one_node_tell_is_not_asked(
    make_context: MakeContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It serves nodes to come, and takes a third of the time."""
    asked: list[Door] = []
    told = IptablesRules.told

    def counted(rules: IptablesRules, door: Door) -> object:
        asked.append(door)
        return told(rules, door)

    monkeypatch.setattr(IptablesRules, "told", counted)
    assert shown(found(make_context, [STALE])) == [("node/w0", "service.stale-endpoint")]
    assert asked == []
    found(make_context, [WRITTEN, WRITTEN])
    assert asked


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
