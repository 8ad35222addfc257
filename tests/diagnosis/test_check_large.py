"""What `check` does with many nodes: each pod is read once, and no list is as long as the cluster."""

import gc
from collections import Counter
from collections.abc import Sequence, Set
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from kubectl_skoop.cluster.raw import Object
from kubectl_skoop.diagnosis.check import check, check_each
from kubectl_skoop.diagnosis.findings import MOST_EVIDENCE, Merged
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Check
from kubectl_skoop.diagnosis.services import every
from kubectl_skoop.diagnosis.services.shared import Comparisons
from kubectl_skoop.diagnosis.unique import Duplicates
from kubectl_skoop.model.listed import MAX_NAMED
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.bench.large import RECORDED, write_large
from tests.bench.made.topology import sized
from tests.diagnosis.conftest import MakeContext

NODES = 24


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "made.skoop"
    write_large(path, sized(NODES))
    return path


class Checked(NamedTuple):
    """What `check` found, and how it went about it."""

    found: Check
    read: Counter[str]
    """How often each namespace was read, by its identity."""
    kept: Set[str]
    """Those that were still there in the end."""
    told: Sequence[str]


@pytest.fixture(scope="module")
def checked(made: Path) -> Checked:
    read: Counter[str] = Counter()
    plain = Snapshot._read_namespace

    def counted(snapshot: Snapshot, identity: str) -> object:
        read[identity] += 1
        return plain(snapshot, identity)

    told: list[str] = []
    with closing(open_snapshot(made)) as source, pytest.MonkeyPatch.context() as patch:
        patch.setattr(Snapshot, "_read_namespace", counted)
        found = check(source, Options(), lambda node, progress: told.append(f"{node} {progress}"))
        return Checked(found, read, {*source._namespaces._values}, told)


def test_each_namespace_is_read_once_and_not_kept(checked: Checked) -> None:
    assert Counter(checked.read.values()) == {1: NODES * 21}, "twenty pods, and the node's own"
    assert not checked.kept


def test_each_node_is_told(checked: Checked) -> None:
    assert len(checked.told) == NODES
    assert checked.told[-1] == f"worker-{NODES - 1:04d} is checked, {NODES} of {NODES}"


def test_services_are_found_as_if_each_were_compared_on_each_node(
    made: Path, checked: Checked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every node has rules in an order and with counters of its own, and old endpoints for three services."""
    monkeypatch.setattr(every, "Comparisons", lambda pods, alone: Comparisons(pods, alone=True))
    with closing(open_snapshot(made)) as source:
        assert check(source, Options()) == checked.found


def test_each_and_merged_are_the_same_findings(made: Path, checked: Checked) -> None:
    with closing(open_snapshot(made)) as source:
        each = check_each(source, Options())
    assert {one.code for one in each.suspicions} == {one.code for one in checked.found.suspicions}
    assert "service.stale-endpoint" in {one.code for one in checked.found.suspicions}


def test_searches_for_cycles_pass_by_what_was_made_of_the_objects() -> None:
    """Each of them goes through all there is, and 100,000 pods take 400 MB."""
    passed_by: list[int] = []
    with closing(open_snapshot(RECORDED)) as source:
        check(source, Options(), lambda node, progress: passed_by.append(gc.get_freeze_count()))
    assert passed_by
    assert min(passed_by) > 0
    assert gc.get_freeze_count() == 0


def test_an_address_of_all_nodes_names_some(make_context: MakeContext) -> None:
    nodes = [node(f"n{number}") for number in range(1, 301)]
    ctx = make_context(nodes)
    found = Duplicates(ctx, {f"n{number}": () for number in range(1, 301)})
    (finding,) = found.findings()
    assert finding.code == "node.duplicate-address"
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
