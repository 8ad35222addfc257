"""A question to a live cluster: what it lacks is collected, up to a bound that is told."""

import os
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from kubectl_skoop.cluster.allow import BUILT_IN
from kubectl_skoop.collect.live import source
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.estimate import Estimate
from kubectl_skoop.collect.live.kubeconfig import Access
from kubectl_skoop.collect.live.manifest import CollectorOptions
from kubectl_skoop.collect.live.objects import Gathered
from kubectl_skoop.collect.live.run import Run
from kubectl_skoop.collect.live.source import ROUNDS, LiveSource
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import write_node_dump
from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot
from tests.collect.live.server import serving


@dataclass(slots=True)
class HollowRun(Run):
    """Each node has an empty dump at once."""

    asked: list[str] = field(default_factory=list)
    """The connections that the nodes were asked for."""

    def dump(self, node: str, pods: Sequence[Mapping[str, object]], conntrack: str, target: Path) -> float:
        self.asked.append(conntrack)
        write_node_dump(NodeDump(node=node, time=time.time(), kernel="6.1"), target)
        return time.time()


@dataclass(slots=True)
class LateRun(HollowRun):
    """Somebody presses Ctrl-C, and the node's dump arrives while the command ends."""

    written: list[str] = field(default_factory=list)

    def dump(self, node: str, pods: Sequence[Mapping[str, object]], conntrack: str, target: Path) -> float:
        os.kill(os.getpid(), signal.SIGINT)
        self._stop.wait()
        time.sleep(0.3)
        told = HollowRun.dump(self, node, pods, conntrack, target)
        self.written.append(node)
        return told


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """Of a cluster of more nodes than a question may lead to, each ready."""
    gathered = Gathered(
        obstacles={f"n{number}": "" for number in range(ROUNDS + 5)}, networks=["10.1.0.0/24", "10.1.1.0/24"]
    )
    monkeypatch.setattr(source, "gather", lambda *_: gathered)
    monkeypatch.setattr(source, "version_of", lambda _: "v1.36")
    monkeypatch.setattr(LiveSource, "require", lambda _: None)
    with serving({}) as server:
        yield Api(Access(kubeconfig=str(server.kubeconfig(tmp_path))))


@pytest.fixture
def cluster(api: Api, tmp_path: Path) -> Iterator[LiveSource]:
    run = HollowRun(api, CollectorOptions(image="i"))
    with source.live(run, BUILT_IN, keep=tmp_path / "kept.skoop") as made:
        yield made


def _along(snapshot: Snapshot, length: int) -> NotCollected | int:
    """Each node leads to the next one; the first that is not there, or how many there are."""
    for number in range(length):
        if isinstance(found := snapshot.node(f"n{number}"), NotCollected):
            return found
    return length


def test_nodes_are_collected_until_the_question_is_answered(cluster: LiveSource) -> None:
    assert cluster.ask(lambda snapshot: _along(snapshot, ROUNDS)) == ROUNDS
    assert cluster.failed == {}


def test_a_question_without_end_is_told_to_be_one(cluster: LiveSource) -> None:
    answer = cluster.ask(lambda snapshot: _along(snapshot, ROUNDS + 5))
    assert isinstance(answer, NotCollected)
    reason = f"after {ROUNDS} rounds of collecting, the question still led to further nodes"
    assert (answer.what, answer.reason) == (f"node/n{ROUNDS}", reason)
    assert cluster.failed == {f"n{ROUNDS}": reason}


def test_the_file_then_gives_the_same_answer(cluster: LiveSource) -> None:
    answer = cluster.ask(lambda snapshot: _along(snapshot, ROUNDS + 5))
    kept = open_snapshot(cluster._writer.checkpoint())
    try:
        assert _along(kept, ROUNDS + 5) == answer
    finally:
        kept.close()


def test_relevant_connections_are_those_within_the_cluster(cluster: LiveSource) -> None:
    node = {"kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses": [{"address": "192.168.0.1"}]}}
    service = {
        "kind": "Service",
        "metadata": {"name": "s", "namespace": "a"},
        "spec": {"clusterIP": "10.96.0.9"},
    }
    cluster._writer.add_objects("Node", [node])
    cluster._writer.add_objects("Service", [service])
    cluster.collect(["n1"], "relevant")
    assert isinstance(cluster._run, HollowRun)
    assert cluster._run.asked == ["10.1.0.0/23,10.96.0.9/32,192.168.0.1/32"]


@pytest.mark.parametrize(
    ("addresses", "asked"),
    [
        pytest.param([], "all", id="nobody said which"),
        pytest.param(["10.0.0.1", "10.0.0.2-10.0.0.3"], "10.0.0.1,10.0.0.2-10.0.0.3", id="few"),
        pytest.param([f"10.0.{n // 250}.{n % 250}" for n in range(1000)], "all", id="too many for a URL"),
    ],
)
def test_a_question_says_which_connections_it_needs(
    cluster: LiveSource, addresses: list[str], asked: str
) -> None:
    cluster.ask(lambda snapshot: snapshot.prefetch(["n1"], addresses))
    assert isinstance(cluster._run, HollowRun)
    assert cluster._run.asked == [asked]


def test_the_first_nodes_tell_once_what_to_expect(cluster: LiveSource) -> None:
    told: list[Estimate] = []
    cluster.collect(cluster.nodes, watch=told.append)
    assert [estimate.nodes for estimate in told] == [len(cluster.nodes)]
    assert told[0].size > len(cluster.nodes) * 10


def test_only_nodes_that_can_be_collected_are_expected(cluster: LiveSource) -> None:
    cluster.objects.obstacles["n1"] = "it is not Ready"
    assert cluster.estimate(cluster.nodes).nodes == len(cluster.nodes) - 1


def test_a_node_that_no_collector_can_read_is_in_the_file_with_the_reason(cluster: LiveSource) -> None:
    cluster.objects.obstacles["n1"] = "it runs windows, and only Linux can be collected"
    cluster.collect(["n1", "n2", "gone"])
    snapshot = open_snapshot(cluster._writer.checkpoint())
    told = {entry.what: (entry.state, entry.reason) for entry in snapshot.missing}
    snapshot.close()
    assert told == {
        "node/n1": ("not collected", "it runs windows, and only Linux can be collected"),
        "node/gone": ("not collected", "the cluster has no such node"),
    }


def test_an_interrupt_waits_for_those_who_write_before_it_removes_their_files(
    api: Api, tmp_path: Path
) -> None:
    run = LateRun(api, CollectorOptions(image="i"))
    kept = tmp_path / "kept.skoop"
    with pytest.raises(KeyboardInterrupt), source.live(run, BUILT_IN, keep=kept) as made:
        made.collect(["n1"])
    assert run.written == ["n1"]
    assert not made._folder.exists()
    assert not kept.exists()
