"""The capabilities that a collector pod has: with them all is read, without any one of them something is not.

A process of root that was started with fewer capabilities, as a container runtime starts it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubectl_skoop.collect.live.manifest import CAPABILITIES
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.netns import Namespace, create, delete, lab_prefix

pytestmark = pytest.mark.kernel

PROGRAM = Path(sys.executable).with_name("kubectl-skoop")
RULES = (
    "iptables-legacy -A INPUT -p icmp -j DROP",
    "ip6tables-legacy -A INPUT -m conntrack --ctstate NEW -j ACCEPT",
    "iptables-nft -A INPUT -p icmp -j DROP",
    "nft add table inet own",
    "ipset create s hash:ip",
)
UNREAD = {
    "DAC_READ_SEARCH": ("pod in a user namespace", "iptables-legacy", "forbidden"),
    "NET_ADMIN": ("host", "nft", "forbidden"),
    "NET_RAW": ("host", "iptables-legacy", "forbidden"),
}
REFUSED = {
    "SYS_ADMIN": "/ns/net: cannot be entered: Operation not permitted",
    "SYS_PTRACE": "/ns/net: cannot be read: Permission denied",
}
USER = "100000"


@dataclass(frozen=True, slots=True)
class Lab:
    namespaces: dict[str, Path]
    folder: Path

    def collect(self, capabilities: Sequence[str]) -> tuple[int, str, dict[tuple[str, str], str]]:
        """Exit code, errors, and the state of each table by place and name."""
        dump = self.folder / "n1.dump"
        dump.unlink(missing_ok=True)
        bounding = ",".join(("-all", *(f"+{name.lower()}" for name in capabilities)))
        host, *pods = self.namespaces
        ran = subprocess.run(
            (
                *("setpriv", "--inh-caps=-all", f"--bounding-set={bounding}", "--no-new-privs", str(PROGRAM)),
                *("collect", "--node", "n1", "-f", str(dump), "--host-netns", str(self.namespaces[host])),
                *(word for name in pods for word in ("--netns", f"d/{name}={self.namespaces[name]}")),
            ),
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return ran.returncode, ran.stderr, _states(dump) if dump.exists() else {}


def _states(dump: Path) -> dict[tuple[str, str], str]:
    snapshot = open_snapshot(dump)
    try:
        node = snapshot.node_dump("n1")
        assert not isinstance(node, NotCollected)
        return {
            ("".join(one.pods).removeprefix("d/") or "host", name): table.state
            for one in node.namespaces
            for name, table in one.tables.items()
        }
    finally:
        snapshot.close()


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """A node, a pod of another user, and a pod in a user namespace; known by their processes."""
    folder = tmp_path_factory.mktemp("capabilities")
    prefix = lab_prefix()
    host, pod = Namespace(f"{prefix}host"), Namespace(f"{prefix}pod")
    with ExitStack() as stack:
        stack.callback(delete, (host.name, pod.name))
        create((host.name, pod.name))
        host.run("ip", "link", "add", "v0", "type", "veth", "peer", "name", "eth0", "netns", pod.name)
        for rule in RULES:
            host.run(*rule.split())
        as_user = ("setpriv", "--reuid", USER, "--regid", USER, "--clear-groups")
        lock = folder / "lock"
        lock.touch()
        os.chown(lock, int(USER), int(USER))
        folder.chmod(0o755)
        for parent in folder.parents[:2]:
            parent.chmod(0o755)
        # The network namespace comes second: its files belong to whom its user namespace maps by then.
        script = f"XTABLES_LOCKFILE={lock} iptables-legacy -A INPUT -j ACCEPT && exec sleep 600"
        nested = ("unshare", "--user", "--map-root-user", "unshare", "--net", "sh", "-c", script)
        processes = {
            "host": host.start("sleep", "600"),
            "pod": pod.start(*as_user, "sleep", "600"),
            "pod in a user namespace": subprocess.Popen((*as_user, *nested), text=True),
        }
        for process in processes.values():
            stack.enter_context(process)
            stack.callback(process.kill)
        for process in processes.values():
            _wait_for_sleep(process.pid)
        yield Lab({name: Path(f"/proc/{one.pid}/ns/net") for name, one in processes.items()}, folder)


def _wait_for_sleep(pid: int) -> None:
    for _ in range(3000):
        if Path(f"/proc/{pid}/comm").read_text() == "sleep\n":
            return
        time.sleep(0.02)
    raise AssertionError("it has not got so far")


def test_with_all_of_them_all_is_read(lab: Lab) -> None:
    code, errors, states = lab.collect(CAPABILITIES)
    assert (code, errors) == (0, "")
    assert set(states.values()) <= {"ok", "absent"}
    for place, table in (("host", "nft"), ("host", "ipset"), *(key[:2] for key in UNREAD.values())):
        assert states[place, table] == "ok"


@pytest.mark.parametrize("name", CAPABILITIES)
def test_without_one_of_them_something_is_not(lab: Lab, name: str) -> None:
    code, errors, states = lab.collect([other for other in CAPABILITIES if other != name])
    if name in REFUSED:
        assert code == 2
        assert REFUSED[name] in errors
        assert not states
    else:
        place, table, state = UNREAD[name]
        assert code == 3
        assert states[place, table] == state
