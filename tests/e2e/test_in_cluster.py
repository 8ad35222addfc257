"""The cluster gathers by itself: the same file, whoever is killed on the way, and nothing is left."""

import hashlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import pytest

from kubectl_skoop.cluster.raw import ref_of
from kubectl_skoop.collect.live import fetch as fetching
from kubectl_skoop.collect.live.api import Api
from kubectl_skoop.collect.live.errors import Unreachable
from kubectl_skoop.collect.live.gathering import Gathering
from kubectl_skoop.collect.live.kubeconfig import Access
from kubectl_skoop.collect.live.manifest import RUN_LABEL
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.index import NodeEntry
from kubectl_skoop.snapshot.source import open_snapshot
from tests.e2e.cluster import Cluster
from tests.e2e.flow import Flow, Place
from tests.e2e.skoop import IMAGE, Skoop, question
from tests.e2e.test_trouble import ROLES, account
from tests.e2e.workloads import SERVICE_PORT

pytestmark = pytest.mark.e2e

TIME = 240
"""Seconds that anything may take."""
ABANDONED_AFTER = 120
KINDS = "namespaces,jobs,pods,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings"
OURS = "kubectl-skoop-"
IN_SKOOP = ("--collector-namespace", "skoop")
CLAIM = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: skoop-files}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  hostPath: {path: /var/lib/skoop-files}
  nodeAffinity:
    required:
      nodeSelectorTerms:
      - matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node1]}]
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: files, namespace: skoop}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: ""
  volumeName: skoop-files
  resources: {requests: {storage: 1Gi}}
"""


T = TypeVar("T")


def eventually(ask: Callable[[], T], wanted: T) -> T:
    """The last answer: the one that is wanted, or whatever it was when time was up."""
    end = time.monotonic() + TIME
    while (answer := ask()) != wanted and time.monotonic() < end:
        time.sleep(0.3)
    return answer


def left(cluster: Cluster, run: str) -> list[str]:
    """Of the run, when time is up."""
    which = ("get", KINDS, "-A", f"--selector={RUN_LABEL}={run}", "-o", "name")
    return eventually(lambda: cluster.kubectl(*which).split(), [])


def detached(skoop: Skoop, *words: str) -> str:
    ran = skoop.collecting("snapshot", "--in-cluster", "--detach", *words)
    assert ran.code == 0, ran.err
    return ran.out.strip()


def followed(process: "subprocess.Popen[str]") -> str:
    """The name of the run, once it is made."""
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "the run goes on: kubectl skoop snapshot --resume" in line
    return line.split("--resume ")[1].split()[0]


def gathering(skoop: Skoop, run: str, given: str = "") -> Gathering:
    return Gathering(Api(Access(kubeconfig=str(skoop.kubeconfig))), run, given, lambda node, text: None)


def started(cluster: Cluster, run: str, namespace: str, *, restarts: int = 0) -> Mapping[str, Any]:
    """Its pod, once its container runs that was started anew so often."""
    found: list[Mapping[str, Any]] = []

    def runs() -> bool:
        which = ("pods", f"--namespace={namespace}", f"--selector={RUN_LABEL}={run}")
        found[:] = [
            pod
            for pod in cluster.kubectl.get(*which)["items"]
            for container in pod["status"].get("containerStatuses", ())
            if "running" in container["state"] and container["restartCount"] >= restarts
        ]
        return bool(found)

    assert eventually(runs, True)
    return found[0]


def dumps(run: Gathering) -> int:
    """How many nodes have been read."""
    pod = run.pod()
    if pod is None or not pod.running:
        return -1
    return int(json.loads(run.ask(pod.name)).get("dumps", -1))


def renew(cluster: Cluster, node: str) -> None:
    """The lease, as its kubelet does, so that a node without one stays Ready."""
    spec = {"spec": {"renewTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}}
    patch = ("--type=merge", "--patch", json.dumps(spec))
    cluster.kubectl("patch", "lease", node, "--namespace=kube-node-lease", *patch)


def content(file: Path) -> Any:
    """What is in the file: nodes, their namespaces and tables, objects; not what the run itself adds."""
    snapshot = open_snapshot(file)
    try:
        nodes: dict[str, Any] = {}
        for name in snapshot.nodes():
            entry, dump = snapshot.node(name), snapshot.node_dump(name)
            assert isinstance(entry, NodeEntry)
            assert not isinstance(dump, NotCollected)
            assert entry.facts.clock_offset is not None
            for namespace in dump.namespaces:
                pods = [pod for pod in namespace.pods if not pod.startswith(OURS)]
                tables = {key: table.state for key, table in namespace.tables.items()}
                nodes[f"{name}/{namespace.id}"] = (namespace.kind, pods, tables)
        objects: dict[str, Any] = {}
        for kind in snapshot.kinds():
            found = snapshot.objects(kind)
            assert not isinstance(found, NotCollected)
            refs = [ref_of(item) for item in found]
            objects[kind] = [ref for ref in refs if not (ref.namespace or ref.name).startswith(OURS)]
        header = snapshot.header
        return nodes, objects, snapshot.missing, header.format, header.tool, sorted(header.cluster)
    finally:
        snapshot.close()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def times(file: Path) -> Mapping[str, float]:
    """When each node was read."""
    snapshot = open_snapshot(file)
    try:
        entries = [snapshot.node(name) for name in snapshot.nodes()]
        return {entry.node: entry.time for entry in entries if isinstance(entry, NodeEntry)}
    finally:
        snapshot.close()


@contextmanager
def roles(cluster: Cluster, *files: str) -> Iterator[None]:
    texts = [(ROLES / file).read_text() for file in files]
    cluster.kubectl.apply(*texts)
    try:
        yield
    finally:
        for text in reversed(texts):
            cluster.kubectl("delete", "--ignore-not-found", "-f", "-", text=text)


@pytest.fixture(scope="module")
def runs() -> list[str]:
    """Of all tests: what they leave is looked for in the end, so that nobody waits for each."""
    return []


@pytest.fixture(scope="module")
def abandoned(skoop: Skoop) -> str:
    """A run for which nobody comes back, made before the others."""
    return detached(skoop, "--run-deadline", f"{ABANDONED_AFTER}s")


@pytest.fixture(autouse=True)
def _from_the_beginning(abandoned: str) -> None:
    """It is given up while the other tests run."""


def test_the_file_is_that_of_a_snapshot(
    cluster: Cluster, skoop: Skoop, where: Mapping[str, Place], runs: list[str], tmp_path: Path
) -> None:
    """Gathered by a user who has the roles of the docs, and no more."""
    here, there = tmp_path / "here.skoop", tmp_path / "there.skoop"
    assert skoop.collecting("snapshot", "-f", here).code == 0
    bindings = (
        "clusterrolebinding few --clusterrole=kubectl-skoop",
        "clusterrolebinding few-more --clusterrole=kubectl-skoop-in-cluster",
    )
    words = ("snapshot", "--in-cluster", "-f", there)
    try:
        with (
            roles(cluster, "cluster-user.yaml", "in-cluster-user.yaml"),
            account(cluster, "few", *bindings) as few,
        ):
            ran = few.collecting(*words)
    finally:
        cluster.kubectl("delete", "--ignore-not-found", "clusterrolebinding", "few", "few-more")
    assert ran.code == 0, ran.err
    assert "3 of 3 nodes" in ran.out
    assert content(here) == content(there)
    for flow in (Flow("client.node1", "web.node2"), Flow("client.node2", "svc.web", SERVICE_PORT)):
        asked = question(flow, where[flow.source], where[flow.target])
        told = [skoop.offline(*asked, "--snapshot", file, "-o", "json").json for file in (here, there)]
        assert [one["verdict"] for one in told] == ["reachable", "reachable"]
        assert (told[0]["path"], told[0]["reply"]) == (told[1]["path"], told[1]["reply"])
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []
    runs.append(ran.err.split("--resume ")[1].split()[0])


def test_a_right_that_is_missing_is_named_before_anything_is_made(cluster: Cluster, tmp_path: Path) -> None:
    with roles(cluster, "cluster-user.yaml"):
        try:
            with account(cluster, "sole", "clusterrolebinding sole --clusterrole=kubectl-skoop") as sole:
                ran = sole.collecting("snapshot", "--in-cluster", "-f", tmp_path / "s.skoop")
        finally:
            cluster.kubectl("delete", "--ignore-not-found", "clusterrolebinding", "sole")
    assert (ran.code, ran.out, len(ran.err.splitlines())) == (3, "", 1)
    for kind in ("serviceaccounts", "roles", "rolebindings", "clusterroles", "clusterrolebindings"):
        assert f"create {kind}" in ran.err


def test_a_user_who_is_killed_comes_back(skoop: Skoop, runs: list[str], tmp_path: Path) -> None:
    file = tmp_path / "s.skoop"
    process = skoop.start("snapshot", "--in-cluster", "-f", file)
    run = followed(process)
    process.kill()
    process.communicate(timeout=TIME)
    ran = skoop.live("snapshot", "--resume", run, "-f", file)
    assert (ran.code, "3 of 3 nodes" in ran.out) == (0, True), ran.err
    assert skoop.offline("check", "--snapshot", file).code == 0
    runs.append(run)


def test_a_user_who_interrupts_leaves_nothing(cluster: Cluster, skoop: Skoop, tmp_path: Path) -> None:
    process = skoop.start("snapshot", "--in-cluster", "-f", tmp_path / "s.skoop")
    run = followed(process)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=TIME)
    assert process.returncode == 130, errors
    assert left(cluster, run) == []
    assert not list(tmp_path.iterdir())


def test_what_waits_survives_its_container_and_a_broken_fetch(
    cluster: Cluster, skoop: Skoop, runs: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = detached(skoop)
    runs.append(run)
    file, namespace = tmp_path / "s.skoop", f"{OURS}{run}"
    mine = gathering(skoop, run)
    whole = mine.follow(TIME)
    asked: list[int] = []
    ask = Gathering.ask

    def breaks_off(self: Gathering, pod: str, *where: int) -> bytes:
        asked.extend(where[:1])
        if len(asked) > 2:
            raise Unreachable("cut off")
        return ask(self, pod, *where)

    monkeypatch.setattr(fetching, "PIECE", whole.size // 4)
    monkeypatch.setattr(fetching, "PAUSE", 0.0)
    with monkeypatch.context() as broken:
        broken.setattr(Gathering, "ask", breaks_off)
        with pytest.raises(Unreachable):
            fetching.fetch(mine, whole, file)
    partial = fetching.partial_of(file, run)
    assert partial.stat().st_size == 2 * (whole.size // 4)
    os.kill(cluster.container_process(started(cluster, run, namespace)), signal.SIGKILL)
    started(cluster, run, namespace, restarts=1)
    assert "at work, left alone" in skoop.live("cleanup").out
    ran = skoop.live("snapshot", "--resume", run, "-f", file)
    assert ran.code == 0, ran.err
    assert not partial.exists()
    assert digest(file) == whole.sha256


def test_a_pod_that_is_killed_on_the_way_has_a_successor_that_goes_on(
    cluster: Cluster, skoop: Skoop, tmp_path: Path
) -> None:
    """On a claim's volume, by a user who may make Jobs in one namespace, and no more."""
    node = cluster.nodes["node3"]
    cluster.nodes["node1"].run("mkdir", "-m", "777", "/var/lib/skoop-files")
    with roles(cluster, "one-namespace.yaml", "in-cluster.yaml"):
        cluster.kubectl.apply(CLAIM)
        binding = "rolebinding few --role=kubectl-skoop --namespace=skoop"
        with account(cluster, "few", binding) as few:
            node.stop_kubelet()
            try:
                run = detached(few, *IN_SKOOP, "--service-account", "kubectl-skoop", "--pvc", "files")
                mine = gathering(few, run, "skoop")
                first = started(cluster, run, "skoop")

                def read_nodes() -> int:
                    renew(cluster, node.name)
                    return dumps(mine)

                assert eventually(read_nodes, 2) == 2
                renew(cluster, node.name)
                killed = time.time()
                pod = first["metadata"]["name"]
                cluster.kubectl("delete", "pod", "--namespace=skoop", "--wait=false", pod)
            finally:
                node.start_kubelet()
            ran = few.live("snapshot", "--resume", run, *IN_SKOOP, "-f", tmp_path / "s.skoop")
        assert (ran.code, "3 of 3 nodes" in ran.out) == (0, True), ran.err
        read = times(tmp_path / "s.skoop")
        assert {name for name, moment in read.items() if moment < killed} == {"node1", "node2"}
        kept = cluster.nodes["node1"].run("cat", f"/var/lib/skoop-files/{run}.json")
        assert json.loads(kept)["sha256"] == digest(tmp_path / "s.skoop")
        assert left(cluster, run) == []
        which = ("get", "jobs,pods", "--namespace=skoop", "-o", "name")
        assert eventually(lambda: cluster.kubectl(*which), "") == ""
        cluster.kubectl("delete", "-f", "-", text=CLAIM)


def test_a_dry_run_prints_objects_that_are_legal(cluster: Cluster, skoop: Skoop) -> None:
    ran = skoop.collecting("snapshot", "--in-cluster", "--dry-run")
    assert ran.code == 0, ran.err
    objects = ran.out.split("---\n")
    assert len(objects) == 7
    for item in objects:
        if "kind: Namespace\n" in item.split("metadata:")[0] or "kind: Cluster" in item:
            cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", text=item)


def test_nothing_is_left_also_of_a_run_for_which_nobody_comes_back(
    cluster: Cluster, skoop: Skoop, runs: list[str], abandoned: str, tmp_path: Path
) -> None:
    for run in (abandoned, *runs):
        assert left(cluster, run) == []
        again = skoop.live("snapshot", "--resume", run, "-f", tmp_path / "s.skoop")
        assert (again.code, f"there is no run {run}" in again.err) == (3, True), again.err


def test_a_gatherer_needs_no_service_of_the_api_server(cluster: Cluster, skoop: Skoop) -> None:
    """Another snapshot in its pod, which is told of a service that refuses.

    The last one: in the end `cleanup --all` removes what there is of any run.
    """
    run = detached(skoop)
    namespace = f"{OURS}{run}"
    gathering(skoop, run).follow(TIME)
    pod = started(cluster, run, namespace)["metadata"]["name"]
    words = ("kubectl-skoop", "snapshot", "--file", "/work/other.skoop", "--collector-namespace", namespace)
    nowhere = ("env", "KUBERNETES_SERVICE_HOST=127.0.0.1", "KUBERNETES_SERVICE_PORT=1")
    said = cluster.kubectl("exec", f"--namespace={namespace}", pod, "--", *nowhere, *words, *IMAGE)
    assert "3 of 3 nodes" in said
    cleaned = skoop.live("cleanup", "--all")
    assert (cleaned.code, f"namespace {namespace}: removed" in cleaned.out) == (0, True), cleaned.err
    assert left(cluster, run) == []
