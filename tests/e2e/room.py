"""A machine of the cluster: network, mount, PID and host name namespaces with an init of their own.

Whatever runs inside ends with the init (pid_namespaces(7)), and all mounts with it, so nothing can be left.
"""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kubectl_skoop.testing.netns import Namespace
from tests.e2e.errors import ClusterError
from tests.e2e.process import ProcessId, only_child
from tests.e2e.slot import Slot

_UNSHARE = ("unshare", "--mount", "--propagation=private", "--uts", "--pid", "--fork")
_INIT = """set -e
hostname {name}
mount -t proc proc /proc
{prepare}
mount --make-rshared /
touch {ready}
while :; do sleep infinity & wait; done
"""
"""bash waits for every child, also for those that it inherits."""
_READY_TIMEOUT, _STOP_TIMEOUT = 60, 5
"""Seconds for what always happens, on a busy machine; and before what does not end is killed."""


@dataclass(slots=True)
class Daemon:
    """A process inside; `nsenter` is its parent, outside."""

    name: str
    parent: "subprocess.Popen[bytes]"
    process: ProcessId
    log: Path

    def ended(self) -> bool:
        return self.parent.poll() is not None

    def stop(self) -> None:
        """Politely, then not."""
        if not self.ended():
            os.kill(self.process.pid, signal.SIGTERM)
            try:
                self.parent.wait(timeout=_STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.parent.wait(timeout=_READY_TIMEOUT)

    def pause(self) -> None:
        os.kill(self.process.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """nsenter stops itself when its child is stopped."""
        os.kill(self.process.pid, signal.SIGCONT)
        os.kill(self.parent.pid, signal.SIGCONT)

    def last_words(self, lines: int = 5) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


@dataclass(slots=True)
class Room:
    name: str
    folder: Path
    namespace: Namespace
    init: ProcessId
    outer: "subprocess.Popen[bytes]"
    """The parent of the init, outside."""
    daemons: dict[str, Daemon] = field(default_factory=dict)

    @property
    def pid(self) -> int:
        return self.init.pid

    def command(self, *command: str) -> tuple[str, ...]:
        """The command line that runs it inside."""
        return ("nsenter", f"--target={self.pid}", "--mount", "--uts", "--net", "--pid", "--", *command)

    def run(self, *command: str, text: str = "", timeout: float = 60) -> str:
        """What a command printed that ran inside.

        Raises:
            ClusterError: it failed.
        """
        done = subprocess.run(
            self.command(*command), input=text, capture_output=True, text=True, check=False, timeout=timeout
        )
        if done.returncode:
            raise ClusterError(
                f"{self.name}: {' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}"
            )
        return done.stdout

    def start(self, *command: str) -> Daemon:
        """A process that stays; its output goes to a file of its name."""
        name = Path(command[0]).name
        log = self.folder / f"{name}.log"
        with open(log, "ab") as output:
            parent = subprocess.Popen(
                self.command(*command),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        daemon = Daemon(name, parent, ProcessId.of(only_child(parent.pid)), log)
        self.daemons[name] = daemon
        return daemon

    def close(self) -> None:
        """End everything inside."""
        self.init.kill()
        for parent in (self.outer, *(daemon.parent for daemon in self.daemons.values())):
            if parent.poll() is None:
                os.kill(parent.pid, signal.SIGCONT)
                parent.wait(timeout=_READY_TIMEOUT)

    def check(self) -> None:
        """Raises: ClusterError: a daemon has ended that nobody stopped."""
        for daemon in self.daemons.values():
            if daemon.ended():
                raise ClusterError(f"{self.name}: {daemon.name} has ended: {daemon.last_words()}")


def open_room(slot: Slot, name: str, prepare: Sequence[str] = ()) -> Room:
    """A room whose network namespace exists. `prepare`: shell lines, run inside before anything else.

    Raises:
        ClusterError: it cannot be had.
    """
    namespace = Namespace(f"{slot.prefix}-{name}")
    folder = slot.folder / name
    folder.mkdir(exist_ok=True)
    ready, log = folder / "ready", folder / "init.log"
    script = _INIT.format(name=name, prepare="\n".join(prepare), ready=ready)
    with open(log, "wb") as output:
        outer = subprocess.Popen(
            ("nsenter", f"--net={namespace.path}", *_UNSHARE, "bash", "-c", script),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    slot.remember(ProcessId.of(outer.pid))
    init = ProcessId.of(only_child(outer.pid))
    slot.remember(init)
    end = time.monotonic() + _READY_TIMEOUT
    while not ready.exists():
        if outer.poll() is not None or time.monotonic() > end:
            raise ClusterError(f"{name}: its namespaces could not be made: {log.read_text().strip()}")
        time.sleep(0.005)
    return Room(name, folder, namespace, init, outer)
