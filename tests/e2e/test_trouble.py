"""Clusters that do not do as they are told: rights, admission, images, nodes and servers that hang."""

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from kubectl_skoop.collect.live.manifest import NAME, NAME_LABEL
from tests.e2e.cluster import Cluster
from tests.e2e.leftovers import gone, objects
from tests.e2e.skoop import POD_WAIT, TIMEOUT, Skoop
from tests.e2e.workloads import Workloads

pytestmark = pytest.mark.e2e

ROLES = Path(__file__).parents[2] / "docs" / "rbac"
QUESTION = ("diagnose", "-s", "pod/default/one", "-d", "svc/default/web:http")
LONG = 200
PATIENT = ("--pod-wait", f"{LONG}s")
"""What does not wait for pods in vain ends far below this, also on a busy machine."""


@pytest.fixture(autouse=True)
def _deployed(workloads: Workloads) -> None:
    """There is something to ask for."""


@contextmanager
def account(cluster: Cluster, name: str, *rules: str) -> Iterator[Skoop]:
    """The tool as a service account with the roles of `docs/rbac`; `kubectl create` arguments bind them."""
    cluster.kubectl("create", "serviceaccount", name)
    try:
        for rule in rules:
            cluster.kubectl("create", *rule.split(), f"--serviceaccount=default:{name}")
        yield Skoop(cluster.service_account_kubeconfig(name))
    finally:
        cluster.kubectl("delete", "serviceaccount", name)


def test_a_user_without_rights_is_told_what_is_missing(cluster: Cluster) -> None:
    with account(cluster, "nobody") as skoop:
        ran = skoop.collecting(*QUESTION)
    assert (ran.code, ran.out) == (3, "")
    assert "cannot list resource" in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_user_who_only_reads_is_told_before_anything_is_made(cluster: Cluster) -> None:
    cluster.kubectl.apply(_read("one-namespace.yaml"))
    try:
        with account(
            cluster, "reader", "clusterrolebinding reader --clusterrole=kubectl-skoop-objects"
        ) as skoop:
            ran = skoop.collecting(*QUESTION)
            offline = skoop.live("connectivity")
        assert (ran.code, ran.out) == (3, "")
        assert "you may not: create namespaces; delete namespaces; create jobs" in ran.err
        assert gone(cluster, "namespaces") == []
        assert offline.code == 0, offline.err
    finally:
        _delete(cluster, "clusterrolebinding/reader", "one-namespace.yaml")


def test_the_role_for_one_namespace_is_enough(cluster: Cluster) -> None:
    cluster.kubectl.apply(_read("one-namespace.yaml"))
    try:
        bindings = (
            "clusterrolebinding few --clusterrole=kubectl-skoop-objects",
            "rolebinding few --role=kubectl-skoop --namespace=skoop",
        )
        with account(cluster, "few", *bindings) as skoop:
            ran = skoop.collecting(*QUESTION, "--collector-namespace", "skoop")
        assert ran.code == 0, ran.err
        assert gone(cluster, "jobs", "pods") == []
        assert cluster.kubectl.get("namespace", "skoop")["status"]["phase"] == "Active"
    finally:
        _delete(cluster, "clusterrolebinding/few", "one-namespace.yaml")


def test_the_role_for_the_cluster_is_enough(cluster: Cluster) -> None:
    cluster.kubectl.apply(_read("cluster-user.yaml"))
    try:
        with account(cluster, "sre", "clusterrolebinding sre --clusterrole=kubectl-skoop") as skoop:
            ran = skoop.collecting(*QUESTION)
            cleaned = skoop.live("cleanup")
        assert ran.code == 0, ran.err
        assert cleaned.code == 0, cleaned.err
        assert gone(cluster, "jobs", "pods", "namespaces") == []
    finally:
        _delete(cluster, "clusterrolebinding/sre", "cluster-user.yaml")


def test_the_rights_of_a_dry_run_are_those_of_the_role(cluster: Cluster, skoop: Skoop) -> None:
    ran = skoop.collecting(*QUESTION, "--dry-run")
    assert ran.code == 0, ran.err
    cluster.kubectl("apply", "--dry-run=server", "--validate=strict", "-f", "-", text=_namespaces_of(ran.out))
    assert objects(cluster, "namespaces", "jobs") == []


def test_a_namespace_that_admits_no_such_pods_is_told_at_once(cluster: Cluster, skoop: Skoop) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.kubectl.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "strict", "labels": labels}}
    )
    try:
        began = time.monotonic()
        ran = skoop.collecting(*QUESTION, "--collector-namespace", "strict", *PATIENT)
        assert (ran.code, time.monotonic() - began < LONG) == (3, True)
        assert "violates PodSecurity" in ran.err
        assert gone(cluster, "jobs", "pods") == []
    finally:
        cluster.kubectl("delete", "namespace", "strict")


def test_an_image_that_is_not_there_is_told_at_once(skoop: Skoop, cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "s.skoop"
    words = ("--image", "skoop.e2e/nothing:1", "--image-pull-policy", "Never")
    ran = skoop.live("snapshot", "-f", file, *words)
    assert ran.code == 3
    assert "0 of 3 nodes" in ran.out
    assert "ErrImageNeverPull" in ran.err
    told = skoop.offline("diagnose", "-s", "pod/default/one", "-d", "10.0.0.1", "-p", "1", "--snapshot", file)
    assert told.code == 3
    assert "ErrImageNeverPull" in told.err
    assert gone(cluster, "jobs", "pods", "namespaces") == []


def test_a_cordoned_and_tainted_node_is_read(cluster: Cluster, skoop: Skoop, tmp_path: Path) -> None:
    cluster.kubectl("cordon", "node3")
    cluster.kubectl("taint", "node", "node3", "closed=yes:NoSchedule")
    try:
        ran = skoop.collecting("snapshot", "-f", tmp_path / "s.skoop", "--nodes", "node3")
        assert ran.code == 0, ran.err
    finally:
        cluster.kubectl("taint", "node", "node3", "closed-")
        cluster.kubectl("uncordon", "node3")


def test_a_node_without_kubelet_is_left_out_and_the_others_are_read(
    cluster: Cluster, skoop: Skoop, tmp_path: Path
) -> None:
    file = tmp_path / "s.skoop"
    node = cluster.nodes["node3"]
    node.stop_kubelet()
    try:
        ran = skoop.collecting("snapshot", "-f", file, "--pod-wait", f"{POD_WAIT}s")
        assert ran.code == 3
        assert "2 of 3 nodes" in ran.out
        wanted = f"node/node3: not collected (no pod ran within {POD_WAIT} s, it waits for the kubelet"
        assert wanted in ran.err
        assert "node/node3: not collected" in skoop.offline("check", "--snapshot", file).out
        assert gone(cluster, "jobs", "pods", "namespaces") == []
        cluster.kubectl("wait", "--for=condition=Ready=Unknown", "node/node3", "--timeout=180s")
        began = time.monotonic()
        ran = skoop.collecting("snapshot", "-f", file, *PATIENT)
        assert (ran.code, time.monotonic() - began < LONG) == (3, True)
        assert "node/node3: not collected (it is not Ready since" in ran.err
    finally:
        node.start_kubelet()
        cluster.kubectl("wait", "--for=condition=Ready", "node/node3", "--timeout=180s")


def test_nodes_without_a_linux_kernel_are_left_out_with_that_reason(
    cluster: Cluster, skoop: Skoop, tmp_path: Path
) -> None:
    file = tmp_path / "s.skoop"
    others = {"winny": {"kubernetes.io/os": "windows"}, "virtual": {"type": "virtual-kubelet"}}
    try:
        for name, labels in others.items():
            # Tainted: no pod of a daemon set is to wait there.
            spec = {"taints": [{"key": "skoop.e2e/no-node", "effect": "NoSchedule"}]}
            metadata = {"name": name, "labels": labels}
            cluster.kubectl.apply({"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": spec})
        ran = skoop.collecting("snapshot", "-f", file, "--conntrack", "relevant", "--parallel", "2")
    finally:
        cluster.kubectl("delete", "node", *others)
    assert ran.code == 3
    assert "3 of 5 nodes" in ran.out
    told = skoop.offline("inspect", "--snapshot", file).out
    for text in (ran.err, told):
        assert "node/winny: not collected (it runs windows, and only Linux can be collected)" in text
        assert "node/virtual: not collected (it is a virtual node, there is no kernel to read)" in text
    connections = skoop.offline("inspect", "node/node1", "conntrack", "--snapshot", file).out
    assert "only entries within" in connections
    assert "src=10.244.1." in connections


def test_collectors_that_somebody_deletes_are_no_crash(
    cluster: Cluster, skoop: Skoop, tmp_path: Path
) -> None:
    run = skoop.start("snapshot", "-f", tmp_path / "s.skoop", "--pod-wait", "5s")
    while run.poll() is None:
        _delete_collectors(cluster)
    _, errors = run.communicate(timeout=TIMEOUT)
    assert run.returncode in (0, 3), errors
    assert "Traceback" not in errors
    assert gone(cluster, "jobs", "pods", "namespaces") == []


def test_a_pod_that_is_evicted_meanwhile_is_no_error(cluster: Cluster, skoop: Skoop, tmp_path: Path) -> None:
    file = tmp_path / "s.skoop"
    spares = cluster.kubectl.get("pods", "-l", "app=spare")["items"]
    pod = next(item for item in spares if "deletionTimestamp" not in item["metadata"])
    metadata = {name: pod["metadata"][name] for name in ("name", "namespace")}
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata}
    path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}/eviction"
    running = skoop.start("snapshot", "-f", file, "--parallel", "1")
    try:
        cluster.kubectl("create", "--raw", path, "-f", "-", text=json.dumps(eviction))
        out, errors = running.communicate(timeout=TIMEOUT)
    finally:
        running.kill()
        cluster.kubectl("rollout", "status", "deployment/spare", "--timeout=180s")
    assert (running.returncode, errors) == (0, "")
    assert "3 of 3 nodes" in out
    assert skoop.offline(*QUESTION, "--snapshot", file).code == 0


def test_an_api_server_that_hangs_for_a_while_is_waited_for(
    cluster: Cluster, skoop: Skoop, tmp_path: Path
) -> None:
    """By runs that have got far, and by those that have just begun."""
    runs = []
    for number, pause in enumerate((0.8, 0.6, 0.7, 0.3)):
        runs.append(skoop.start("snapshot", "-f", tmp_path / f"{number}.skoop"))
        time.sleep(pause)
    cluster.pause_api_server()
    try:
        time.sleep(20)
    finally:
        cluster.resume_api_server()
    for run in runs:
        out, errors = run.communicate(timeout=TIMEOUT)
        assert run.returncode == 0, errors
        assert "3 of 3 nodes" in out
    assert gone(cluster, "jobs", "pods", "namespaces") == []


def test_runs_at_the_same_time_do_not_meet(cluster: Cluster, skoop: Skoop, tmp_path: Path) -> None:
    def snapshot(number: int) -> int:
        place = () if number % 2 else ("--collector-namespace", "shared")
        return skoop.collecting("snapshot", "-f", tmp_path / f"{number}.skoop", *place).code

    with ThreadPoolExecutor(3) as runs:
        assert list(runs.map(snapshot, range(3))) == [0, 0, 0]
    assert gone(cluster, "jobs", "pods", "namespaces") == []


def _read(name: str) -> str:
    return (ROLES / name).read_text()


def _delete(cluster: Cluster, binding: str, name: str) -> None:
    cluster.kubectl("delete", binding)
    cluster.kubectl("delete", "-f", "-", text=_read(name))


def _namespaces_of(printed: str) -> str:
    """Of the objects of a dry run those that need no other to be there."""
    return next(text for text in printed.split("---\n") if "kind: Namespace" in text)


def _delete_collectors(cluster: Cluster) -> None:
    for item in cluster.kubectl.get("pods", "-A", f"--selector={NAME_LABEL}={NAME}")["items"]:
        metadata = item["metadata"]
        place = f"--namespace={metadata['namespace']}"
        cluster.kubectl("delete", "pod", metadata["name"], place, "--wait=false", "--ignore-not-found")
