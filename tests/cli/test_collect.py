"""From a running kernel to a verdict by the commands of the README, in two namespaces."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from kubectl_skoop.testing import netns
from tests.cli.run import skoop

DOCKERFILE = Path(__file__).parents[2] / "Dockerfile"
OBJECTS = """\
apiVersion: v1
kind: Node
metadata: {name: n1}
status: {addresses: [{type: InternalIP, address: 10.1.0.1}]}
---
apiVersion: v1
kind: Pod
metadata: {name: a, namespace: default}
spec: {nodeName: n1}
status: {phase: Running, podIP: 10.1.0.2, podIPs: [{ip: 10.1.0.2}]}
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder with the objects, and the dump of a node that drops ICMP. The namespaces are gone after it."""
    prefix = netns.lab_prefix()
    node, pod = f"{prefix}node", f"{prefix}pod"
    netns.create([node, pod])
    try:
        for command in (
            f"ip -n {node} link add veth0 type veth peer name eth0 netns {pod}",
            f"ip -n {node} address add 10.1.0.1/24 dev veth0",
            f"ip -n {node} link set veth0 up",
            f"ip -n {pod} address add 10.1.0.2/24 dev eth0",
            f"ip -n {pod} link set eth0 up",
            f"ip netns exec {node} iptables -A INPUT -p icmp -j DROP",
        ):
            subprocess.run(command.split(), check=True)
        (tmp_path / "objects.yaml").write_text(OBJECTS, "utf-8")
        ran = skoop(
            *("collect", "--node", "n1", "--host-netns", f"/run/netns/{node}"),
            *("--netns", f"default/a=/run/netns/{pod}", "-f", tmp_path / "n1.dump"),
        )
        assert (ran.code, ran.err) == (0, "")
        yield tmp_path
    finally:
        netns.delete([node, pod])


@pytest.mark.kernel
def test_the_commands_of_the_readme_name_the_rule(place: Path) -> None:
    files = ("--node-dump", place / "n1.dump", "--objects", place / "objects.yaml")
    assert skoop("snapshot", "-f", place / "s.skoop", *files).code == 0
    asked = ("diagnose", "-s", "pod/default/a", "-d", "10.1.0.1", "--snapshot", place / "s.skoop")
    ping = skoop(*asked, "--protocol", "icmp")
    assert ping.code == 1
    assert "-A INPUT -p icmp -j DROP" in ping.out
    closed = skoop(*asked, "-p", "99")
    assert closed.code == 1
    assert closed.out.startswith("unreachable (connection refused)")


@pytest.mark.kernel
def test_a_dump_can_be_inspected_as_it_is(place: Path) -> None:
    ran = skoop("inspect", "a", "routes", "-n", "default", "--snapshot", place / "n1.dump")
    assert ran.code == 0
    assert "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2" in ran.out


@pytest.mark.kernel
def test_a_path_that_is_no_namespace_is_refused(tmp_path: Path) -> None:
    ran = skoop("collect", "--node", "n1", "--host-netns", tmp_path / "none", "-f", tmp_path / "n1.dump")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert not (tmp_path / "n1.dump").exists()


@pytest.mark.kernel
def test_an_agent_loads_only_what_its_image_has(tmp_path: Path) -> None:
    """The Dockerfile names the packages one by one; one that is not there would be missed on a node only."""
    pods, dump = tmp_path / "pods", tmp_path / "n1.dump"
    pods.write_text("[]")
    words = ["collect", "--node", "n1", "--host-netns", "/proc/self/ns/net"]
    words += ["--pods", str(pods), "-f", str(dump)]
    code = f"""
import sys
before = set(sys.modules)
from kubectl_skoop.cli.app import main
main({words!r})
print(*(set(sys.modules) - before))
"""
    ran = subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True)
    owners = packages_distributions()
    loaded = {name.partition(".")[0] for name in ran.stdout.split()}
    needed = {owner for name in loaded for owner in owners.get(name, ())} - {"kubectl-skoop"}
    assert {"msgpack", "typer"} <= needed
    recipe = DOCKERFILE.read_text()
    assert [name for name in sorted(needed) if name not in recipe] == []


def test_without_root_nothing_is_collected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    ran = skoop("collect", "--node", "n1", "-f", tmp_path / "n1.dump")
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: collect must run as root")


def test_a_node_without_a_name_is_refused(tmp_path: Path) -> None:
    """`--node "$NODE"`, where nobody has set NODE: the dump would be of no node of the cluster."""
    ran = skoop("collect", "--node", "", "-f", tmp_path / "node.dump")
    assert (ran.code, ran.err) == (2, "error: --node is empty (the node's name in the cluster)\n")
