"""What `check` does with many nodes: each pod is read once, and no list is as long as the cluster."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.check import check, check_each
from kubectl_skoop.diagnosis.findings import MOST_EVIDENCE, Merged
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.unique import Duplicates
from kubectl_skoop.model.listed import MAX_NAMED
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.bench.large import write_large
from tests.bench.made.topology import sized
from tests.diagnosis.conftest import MakeContext

NODES = 24


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "made.skoop"
    write_large(path, sized(NODES))
    return path


@pytest.fixture
def source(made: Path) -> Iterator[Snapshot]:
    snapshot = open_snapshot(made)
    yield snapshot
    snapshot.close()


def test_a_pods_namespace_is_read_once_and_not_kept(
    source: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: Counter[str] = Counter()
    plain = Snapshot._read_namespace

    def counted(snapshot: Snapshot, identity: str) -> object:
        read[identity] += 1
        return plain(snapshot, identity)

    monkeypatch.setattr(Snapshot, "_read_namespace", counted)
    told: list[str] = []
    check(source, Options(), lambda node, progress: told.append(f"{node} {progress}"))
    assert Counter(read.values()) == {1: NODES * 20, 2: NODES}, (
        "the nodes' own again for what is between them"
    )
    assert (len(told), told[-1]) == (NODES, f"worker-{NODES - 1:04d} is checked, {NODES} of {NODES}")
    assert not {*source._namespaces._values} - {one for one, times in read.items() if times == 2}


def test_each_and_merged_are_the_same_findings(source: Snapshot) -> None:
    each, merged = check_each(source, Options()), check(source, Options())
    assert {one.code for one in each.suspicions} == {one.code for one in merged.suspicions}
    assert "service.stale-endpoint" in {one.code for one in merged.suspicions}


def test_an_address_of_all_nodes_names_some(make_context: MakeContext) -> None:
    nodes = [node(f"n{number}") for number in range(1, 301)]
    ctx = make_context(nodes)
    found = Duplicates(ctx, {f"n{number}": () for number in range(1, 301)})
    (finding,) = found.findings()
    assert finding.message == "300 nodes have the address 10.0.0.1: n1, n2, n3, n4, n5 and 295 more"
    assert len(finding.evidence) == MAX_NAMED + 1
    assert finding.evidence[0] == "node/n1: status.addresses 10.0.0.1"
    assert finding.evidence[-1] == "and 295 more"


def node(name: str) -> Object:
    addresses = [{"type": "InternalIP", "address": "10.0.0.1"}]
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name},
        "status": {"addresses": addresses},
    }


def test_the_same_at_many_places_names_some() -> None:
    merged = Merged()
    merged.add(
        Suspicion(
            code="a.b",
            level=Level.WARNING,
            where=Where(place=Place("node", f"n{number}")),
            message="it is wrong",
            evidence=(f"line {number}",),
        )
        for number in range(5_000)
    )
    (finding,) = merged.all()
    assert (
        finding.message
        == "it is wrong (at 5,000 places: node/n0, node/n1, node/n2, node/n3, node/n4 and 4,995 more)"
    )
    assert len(finding.evidence) == MOST_EVIDENCE
    assert finding.where.place is None
