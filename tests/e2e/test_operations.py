"""What tests do with a cluster: images, stopped daemons, other users; and what a crashed run leaves."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kubectl_skoop.testing import netns
from tests.e2e import cgroup, slot
from tests.e2e.cluster import Cluster
from tests.e2e.errors import ClusterError
from tests.e2e.flow import eventually
from tests.e2e.image import write_image
from tests.e2e.process import ProcessId
from tests.e2e.workloads import Workloads

pytestmark = pytest.mark.e2e


def test_an_image_gets_to_all_nodes(cluster: Cluster, tmp_path: Path) -> None:
    cluster.import_image(write_image(tmp_path / "image.tar", "skoop.e2e/other:1", ("/bin/sh",)))
    for node in cluster.nodes.values():
        listed = subprocess.check_output(
            ("ctr", f"--address={node.runtime_socket}", "-n", "k8s.io", "images", "ls", "-q"), text=True
        )
        assert "skoop.e2e/other:1" in listed.split()


def test_a_service_account_may_not_do_what_the_administrator_may(cluster: Cluster) -> None:
    user = f"--kubeconfig={cluster.service_account_kubeconfig('default')}"
    asked = json.loads(cluster.kubectl("auth", "whoami", user, "-o", "json"))
    assert asked["status"]["userInfo"]["username"] == "system:serviceaccount:default:default"
    cluster.kubectl("get", "pods")
    with pytest.raises(ClusterError, match="Forbidden"):
        cluster.kubectl("get", "pods", user)


def test_the_api_server_is_silent_while_it_is_paused(cluster: Cluster) -> None:
    ask = ("get", "--raw", "/readyz")
    cluster.pause_api_server()
    try:
        with pytest.raises(ClusterError, match=r"[Tt]imeout|deadline"):
            cluster.kubectl(*ask, "--request-timeout=1s")
    finally:
        cluster.resume_api_server()
    assert cluster.kubectl(*ask) == "ok"


def test_a_node_without_kubelet_runs_its_pods_but_no_commands(cluster: Cluster, workloads: Workloads) -> None:
    node, pod = cluster.nodes["node3"], workloads.clients["node3"]
    execute = ("exec", pod.name, "--", "hostname")
    node.stop_kubelet()
    try:
        with pytest.raises(ClusterError, match="connection refused"):
            cluster.kubectl(*execute)
        assert Path(f"/proc/{pod.pid}").exists()
    finally:
        node.start_kubelet()

    def name() -> str:
        try:
            return cluster.kubectl(*execute).strip()
        except ClusterError as error:
            return str(error)

    assert eventually(name, (pod.name,)) == pod.name


def test_a_command_on_a_node_sees_only_that_node(cluster: Cluster) -> None:
    node = cluster.nodes["node1"]
    assert node.run("hostname").strip() == "node1"
    kubelets = node.run("pgrep", "--count", "--exact", "kubelet")
    assert int(kubelets) == 1


def test_what_a_killed_run_leaves_is_removed_by_the_next(cluster: Cluster) -> None:
    """The second cluster runs beside the first."""
    command = (sys.executable, "-m", "tests.e2e", "--nodes=1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        folder = Path(process.stdout.readline().partition("=")[2]).parents[1]
        state = json.loads((folder / "state.json").read_text())
        process.send_signal(signal.SIGKILL)
    prefix = state["prefix"]
    assert _left(prefix) != []
    processes = [ProcessId(pid, started) for pid, started in state["processes"]]
    assert any(process.alive() for process in processes)

    with slot.taken():
        pass
    # Another run of tests may be the next, and be at it.
    assert eventually(lambda: str(_left(prefix)), ("[]",)) == "[]"
    assert not any(process.alive() for process in processes)
    assert eventually(lambda: str(folder.exists()), ("False",)) == "False"
    assert cluster.kubectl("get", "--raw", "/readyz") == "ok"


def _left(prefix: str) -> list[str]:
    """Namespaces, devices and cgroups of this name."""
    folders = [hierarchy / prefix for hierarchy in cgroup.hierarchies()]
    found = [*netns.NAMED.glob(f"{prefix}-*"), Path("/sys/class/net", prefix), *folders]
    return [str(path) for path in found if os.path.lexists(path)]
