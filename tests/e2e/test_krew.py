"""The archive as a user has it: installed by the real krew from an index, found by the real kubectl."""

import json
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from kubectl_skoop import __version__
from tests.e2e import collector_image, krew
from tests.e2e.cluster import Cluster
from tests.e2e.collector_image import ROOT
from tests.e2e.flow import Flow, Place, eventually
from tests.e2e.krew import Machine
from tests.e2e.skoop import Skoop, question
from tests.e2e.workloads import SERVICE_PORT
from tests.release import manifest

pytestmark = pytest.mark.e2e

DROPPED = ("diagnose", "-s", "pod/default/a", "-d", "pod/default/b", "-p", "8080")
SNAPSHOT = ROOT / "snapshots" / "forward-drop.skoop"
NODES = "node/node1 node/node2 node/node3 :4"
PLUGIN = """#!/bin/sh
env >"{seen}"
cat <<'END'
{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {{"token": "t"}}}}
END
"""


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with krew.machine(tmp_path_factory.mktemp("krew")) as made:
        yield made


@pytest.fixture
def installed(machine: Machine) -> Iterator[Machine]:
    """From the index, by name, as users do."""
    machine.kubectl("krew", "install", "skoop")
    yield machine
    machine.kubectl("krew", "uninstall", "skoop")


def test_kubectl_finds_and_runs_what_krew_installed_until_it_is_uninstalled(machine: Machine) -> None:
    machine.kubectl("krew", "install", "skoop")
    assert machine.kubectl("krew", "list").split() == ["skoop"]
    assert str(machine.plugin) in machine.kubectl("plugin", "list").split()
    assert machine.kubectl("skoop", "version").splitlines()[0] == f"kubectl-skoop {__version__}"
    machine.kubectl("krew", "uninstall", "skoop")
    assert not machine.plugin.exists()
    assert machine.run("kubectl", "skoop", "version").returncode == 1


def test_the_archive_gives_the_golden_answer(installed: Machine) -> None:
    done = installed.run("kubectl", "skoop", *DROPPED, "--snapshot", SNAPSHOT, "-o", "json")
    expected = ROOT / "tests" / "golden" / "forward-drop" / "request-dropped.json"
    assert (done.returncode, done.stderr) == (1, "")
    assert json.loads(done.stdout) == json.loads(expected.read_text("utf-8"))


def test_the_archive_has_the_plugins_and_explains(installed: Machine) -> None:
    listed = installed.kubectl("skoop", "plugins").splitlines()
    assert {"any", "calico", "flannel", "kube-router"} <= {line.split()[0] for line in listed if line}
    assert "Kernel: " in installed.kubectl("skoop", "explain", "netfilter.drop")


def test_kubectl_completes_by_the_door_that_is_installed(installed: Machine) -> None:
    printed = installed.kubectl("skoop", "completion", "bash", "--install")
    door = installed.plugin.with_name("kubectl_complete-skoop")
    assert f"kubectl: {door}" in printed.splitlines()
    try:
        words = ("diagnose", "--snapshot", str(SNAPSHOT), "pod/default/")
        offered = installed.kubectl("__complete", "skoop", *words).splitlines()
        assert offered[:4] == ["pod/default/a", "pod/default/a2", "pod/default/b", "pod/default/b2"]
        assert offered[4] == ":4"
        assert installed.kubectl("__complete", "skoop", "diag").startswith("diagnose\t")
    finally:
        door.unlink()


def test_krew_installs_a_manifest_with_an_archive(machine: Machine) -> None:
    files = (f"--manifest={machine.served / manifest.NAME}", f"--archive={krew.built_archive()}")
    machine.kubectl("krew", "install", *files)
    assert machine.kubectl("skoop", "version").startswith("kubectl-skoop ")
    machine.kubectl("krew", "uninstall", "skoop")


def test_krew_finds_no_fault_with_the_manifest_and_installs_each_platform_of_it(machine: Machine) -> None:
    done = machine.run("validate-krew-manifest", "-manifest", machine.served / manifest.NAME)
    assert done.returncode == 0, done.stderr
    assert "all 1 spec.platforms installed fine" in done.stderr


def test_krew_finds_no_fault_with_the_template(machine: Machine, tmp_path: Path) -> None:
    copy = tmp_path / manifest.NAME
    copy.write_bytes(manifest.TEMPLATE.read_bytes())
    done = machine.run("validate-krew-manifest", "-skip-install", "-manifest", copy)
    assert done.returncode == 0, done.stderr


def test_the_programs_that_the_archive_starts_do_not_get_its_libraries(
    installed: Machine, tmp_path: Path
) -> None:
    """Here a credential plugin, which is asked before a cluster that is not there."""
    seen, plugin = tmp_path / "seen", tmp_path / "plugin"
    plugin.write_text(PLUGIN.format(seen=seen))
    plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
    kubeconfig = tmp_path / "config"
    kubeconfig.write_text(yaml.safe_dump(_kubeconfig(plugin)))
    done = installed.run("kubectl", "skoop", "check", "--kubeconfig", kubeconfig)
    assert "cannot be reached" in done.stderr
    names = {line.partition("=")[0] for line in seen.read_text().splitlines()}
    assert "HOME" in names
    assert not {name for name in names if name.startswith(("LD_", "_PYI", "_MEI"))}


def test_the_archive_collects_a_node(installed: Machine, tmp_path: Path) -> None:
    dump = tmp_path / "node.dump"
    netns = str(installed.namespace.path)
    words = ("collect", "--node", "n", "--host-netns", netns, "-f", dump)
    assert installed.run("kubectl", "skoop", *words).returncode == 0
    routes = installed.kubectl("skoop", "inspect", "node/n", "routes", "--snapshot", dump)
    assert "local 127.0.0.1 dev lo" in routes


def test_the_archive_asks_a_live_cluster_and_sends_its_agent(
    machine: Machine, cluster: Cluster, where: Mapping[str, Place], tmp_path: Path
) -> None:
    machine.kubectl("krew", "install", "skoop")
    try:
        cluster.import_image(collector_image.python_image())
        skoop = Skoop(cluster.kubeconfig, machine.plugin)
        flow = Flow("client.node1", "svc.web", SERVICE_PORT)
        words = question(flow, where[flow.source], where[flow.target])
        image = ("--debug-image", collector_image.PYTHON_NAME, "--image-pull-policy", "Never")
        ran = skoop.live(*words, *image, "-o", "json")
        assert ran.code == 0, ran.err
        assert ran.json["verdict"] == "reachable"
        asked = ("__complete", "inspect", "--kubeconfig", cluster.kubeconfig, "node/")
        # A cluster that takes longer than somebody who types would wait offers nothing.
        offered = eventually(lambda: " ".join(skoop.offline(*asked).out.split()), (NODES,))
        assert offered == NODES
    finally:
        machine.kubectl("krew", "uninstall", "skoop")


def _kubeconfig(plugin: Path) -> Mapping[str, object]:
    credentials = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "interactiveMode": "Never",
        "command": str(plugin),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "c", "cluster": {"server": "http://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"exec": credentials}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "current-context": "c",
    }
