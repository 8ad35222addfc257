"""A node that is not ready, or new, is told on its way, and by `check`; the verdict is the kernel's."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import take_snapshot
from kubectl_skoop.testing.objects import Object

pytestmark = pytest.mark.kernel


class SilentKubelet(ClusterLab):
    """That of n2."""

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if (item["kind"], item["metadata"]["name"]) == ("Node", "n2"):
                silent = {"type": "Ready", "status": "Unknown", "reason": "NodeStatusUnknown"}
                item["status"]["conditions"] = [silent]
        return objects


class Agents(ClusterLab):
    """flanneld's pods; without a route to the other node's pods on n1."""

    def __init__(self, *, crashing: bool) -> None:
        super().__init__("flannel-host-gw")
        self.crashing = crashing

    def objects(self) -> list[Object]:
        return [*super().objects(), *(self._agent(node.name) for node in self.topology.nodes)]

    def _agent(self, node: str) -> Object:
        ready = node != "n1" or not self.crashing
        waiting = {} if ready else {"waiting": {"reason": "CrashLoopBackOff"}}
        status = {"name": "kube-flannel", "ready": ready, "restartCount": 7, "state": waiting}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": f"kube-flannel-ds-{node}",
                "namespace": "kube-flannel",
                "ownerReferences": [{"kind": "DaemonSet", "name": "kube-flannel-ds"}],
            },
            "spec": {"nodeName": node, "hostNetwork": True, "containers": [{"name": "kube-flannel"}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": str(ready)}],
                "containerStatuses": [status],
            },
        }


class Added(ClusterLab):
    """n2 joined `age` seconds ago; None: its object does not say."""

    def __init__(self, age: float | None) -> None:
        super().__init__("flannel-host-gw")
        self.age = age

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if item["kind"] == "Node" and (item["metadata"]["name"] != "n2" or self.age is not None):
                age = self.age if item["metadata"]["name"] == "n2" else 86400.0
                item["metadata"]["creationTimestamp"] = time.strftime(
                    "%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - (age or 0.0))
                )
        return objects


def told(found: tuple[Suspicion, ...]) -> list[tuple[str, str, Level]]:
    return [(one.code, str(one.where.place), one.level) for one in found]


def asked(destination: str) -> Request:
    return Request(source="pod/default/a", destination=destination, port="8080")


def test_it_is_told_where_a_packet_comes_to_the_node(tmp_path: Path) -> None:
    with SilentKubelet("flannel-host-gw") as lab:
        snapshot = take_snapshot(lab, tmp_path)
    finding = ("node.not-ready", "node/n2", Level.WARNING)
    with closing(open_snapshot(snapshot)) as source:
        there = diagnose(source, asked("pod/default/b"), Options())
        beside = diagnose(source, asked("pod/default/a2"), Options())
        assert told(check(source, Options()).suspicions) == [finding]
    assert (there.verdict, told(there.suspicions)) == ("reachable", [finding])
    assert (beside.verdict, told(beside.suspicions)) == ("reachable", [])


@pytest.mark.parametrize("crashing", [True, False])
def test_an_agent_that_does_not_run_is_told_where_a_packet_is_lost(crashing: bool, tmp_path: Path) -> None:
    with Agents(crashing=crashing) as lab:
        lab.namespace("n1").run("ip", "route", "del", "10.244.2.0/24")
        snapshot = take_snapshot(lab, tmp_path)
    with closing(open_snapshot(snapshot)) as source:
        lost = diagnose(source, asked("pod/default/b"), Options())
        beside = diagnose(source, asked("pod/default/a2"), Options())
        found = check(source, Options()).suspicions
    assert (lost.verdict, beside.verdict) == ("unreachable", "reachable")
    assert lost.cause is not None
    assert lost.cause.code == "flannel.route.missing"
    agents = [[one for one in each if one.code == "agent.not-ready"] for each in (lost.suspicions, found)]
    assert "agent.not-ready" not in {one.code for one in beside.suspicions}
    for each in agents:
        assert [(str(one.where.place), one.level) for one in each] == [("node/n1", Level.WARNING)] * crashing
        assert [one.evidence for one in each] == [
            ("container kube-flannel: CrashLoopBackOff, started anew 7 times",)
        ] * crashing


NEW = ("node.just-added", "node/n2", Level.INFO)
LACKING = {
    "the other node's agent has not written its route": ("n1", ("ip", "route", "del", "10.244.2.0/24")),
    "its own agent has not written its route": ("n2", ("ip", "route", "del", "10.244.1.0/24")),
}


@pytest.mark.parametrize("age", [60.0, 3600.0, -60.0, None])
@pytest.mark.parametrize("lacking", LACKING)
def test_a_node_that_was_just_added_is_told_where_a_packet_is_lost(
    lacking: str, age: float | None, tmp_path: Path
) -> None:
    node, command = LACKING[lacking]
    with Added(age) as lab:
        lab.namespace(node).run(*command)
        snapshot = take_snapshot(lab, tmp_path)
    with closing(open_snapshot(snapshot)) as source:
        lost = diagnose(source, asked("pod/default/b"), Options())
        beside = diagnose(source, asked("pod/default/a2"), Options())
        found = check(source, Options()).suspicions
    assert (lost.verdict, beside.verdict) == ("unreachable", "reachable")
    assert lost.cause is not None
    assert lost.cause.code == "flannel.route.missing"
    assert NEW not in told(beside.suspicions)
    for each in (lost.suspicions, found):
        assert [one for one in told(each) if one[0] == NEW[0]] == [NEW] * (age == 60.0)
    for one in (one for one in lost.suspicions if one.code == NEW[0]):
        assert [line.partition(": ")[0] for line in one.evidence] == ["creationTimestamp", "read"]
        assert one.remedy.endswith("kubectl get pods -A -o wide --field-selector spec.nodeName=n2")


def test_a_new_node_is_told_beside_what_differs_there_from_what_its_agent_wants(tmp_path: Path) -> None:
    with Added(60.0) as lab:
        lab.namespace("n2").run("sysctl", "-qw", "net.bridge.bridge-nf-call-iptables=0")
        snapshot = take_snapshot(lab, tmp_path)
    with closing(open_snapshot(snapshot)) as source:
        there = diagnose(source, asked("pod/default/b"), Options())
        found = check(source, Options()).suspicions
    assert there.verdict == "reachable"
    for each in (there.suspicions, found):
        assert told(each) == [("flannel.sysctl.differs", "node/n2", Level.WARNING), NEW]


def test_that_a_node_is_new_is_no_news_by_itself(tmp_path: Path) -> None:
    with Added(60.0) as lab:
        snapshot = take_snapshot(lab, tmp_path)
    with closing(open_snapshot(snapshot)) as source:
        there = diagnose(source, asked("pod/default/b"), Options())
        found = check(source, Options()).suspicions
    assert (there.verdict, told(there.suspicions), told(found)) == ("reachable", [], [])
