"""The capabilities of a collector pod: with them all is read, without any one of them it is not."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubectl_skoop.collect.live.manifest import CAPABILITIES
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.netns import Namespace, create, delete, lab_prefix

pytestmark = pytest.mark.kernel
PROGRAM = Path(sys.executable).with_name("kubectl-skoop")
UID = "0b1c8e5e-8d3f-4a55-9d6e-3a1b2c4d5e6f"
SOMEBODY = "65534"
UNREAD = frozenset({"forbidden", "failed", "timeout"})


@dataclass(frozen=True, slots=True)
class Node:
    """A node with legacy rules, and a pod whose process is not root's."""

    host: Namespace
    process: int

    def unread(self, capabilities: Sequence[str], folder: Path) -> set[str]:
        """What a collector with these capabilities could not read: tables, or all."""
        target = folder / "dump"
        target.unlink(missing_ok=True)
        allowed = ",".join(["-all", *(f"+{name.lower()}" for name in capabilities)])
        command = ["setpriv", f"--bounding-set={allowed}", f"--inh-caps={allowed}", str(PROGRAM), "collect"]
        command += ["--node", "n1", "--file", str(target), "--host-netns", str(self.host.path)]
        command += ["--netns", f"shop/a=/proc/{self.process}/ns/net"]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        if not target.exists():
            return {done.stderr}
        snapshot = open_snapshot(target)
        dump = snapshot.node_dump("n1")
        assert not isinstance(dump, NotCollected)
        unread = {
            f"{space.kind}/{name}: {table.reason}"
            for space in dump.namespaces
            for name, table in space.tables.items()
            if table.state in UNREAD
        }
        snapshot.close()
        return unread


@pytest.fixture(scope="module")
def node() -> Iterator[Node]:
    host, pod = (Namespace(f"{lab_prefix()}{name}") for name in ("h", "p"))
    create((host.name, pod.name))
    try:
        host.run("iptables-legacy", "-A", "FORWARD", "-s", "10.1.1.1", "-j", "DROP")
        host.run("ip6tables-legacy", "-A", "FORWARD", "-j", "ACCEPT")
        host.run("iptables-nft", "-A", "FORWARD", "-s", "10.1.1.2", "-j", "DROP")
        host.run("ipset", "create", "s1", "hash:net")
        sleeper = pod.start("setpriv", f"--reuid={SOMEBODY}", "--clear-groups", "sleep", "300")
        try:
            yield Node(host, sleeper.pid)
        finally:
            sleeper.kill()
            sleeper.communicate()
    finally:
        delete((host.name, pod.name))


def test_with_its_capabilities_a_collector_reads_everything(node: Node, tmp_path: Path) -> None:
    assert node.unread(CAPABILITIES, tmp_path) == set()


@pytest.mark.parametrize("missing", CAPABILITIES)
def test_without_any_one_of_them_something_is_unread(node: Node, missing: str, tmp_path: Path) -> None:
    fewer = [name for name in CAPABILITIES if name != missing]
    assert node.unread(fewer, tmp_path)
