"""An agent in a node's network namespace, as its DaemonSet runs it."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from kubectl_skoop.testing.netns import Namespace, entered
from tests.e2e.errors import ClusterError

STARTED_TIMEOUT = 120


@dataclass(slots=True)
class NodeDaemon:
    node: str
    namespace: Namespace
    folder: Path
    kubeconfig: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    program: ClassVar[str]
    """Its name in messages."""

    @property
    def log(self) -> Path:
        return self.folder / f"{self.node}.log"

    def launch(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        with entered(self.namespace.path), open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                command,
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=STARTED_TIMEOUT)
            self.process = None

    def wait(self, ready: Callable[[], bool]) -> None:
        """Raises: ClusterError: it has ended, or time is up."""
        end = time.monotonic() + STARTED_TIMEOUT
        while not ready():
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > end:
                words = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
                problem = "has ended" if ended else "is late"
                raise ClusterError(f"{self.program} on {self.node} {problem}: {words}")
            time.sleep(0.05)
