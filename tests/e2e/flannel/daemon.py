"""flanneld in a node's network namespace, as its DaemonSet runs it."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kubectl_skoop.testing.netns import Namespace, entered
from tests.e2e import binaries
from tests.e2e.errors import ClusterError

STARTED_TIMEOUT = 30


@dataclass(slots=True)
class Flanneld:
    node: str
    namespace: Namespace
    folder: Path
    kubeconfig: Path
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    @property
    def subnet_file(self) -> Path:
        """What its CNI plugin reads: the range and the MTU of the pods."""
        return self.folder / f"{self.node}.env"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.node}.log"

    def start(self, net_conf: Mapping[str, object]) -> None:
        """Returns when its node is set up. Raises: ClusterError."""
        conf = self.folder / f"{self.node}.json"
        conf.write_text(json.dumps(net_conf))
        self.subnet_file.unlink(missing_ok=True)
        command = (
            str(binaries.flanneld_built()),
            "--kube-subnet-mgr",
            f"--kubeconfig-file={self.kubeconfig}",
            f"--net-config-path={conf}",
            f"--subnet-file={self.subnet_file}",
            "--ip-masq",
        )
        with entered(self.namespace.path), open(self.log, "ab") as output:
            self.process = subprocess.Popen(
                command,
                env=os.environ | {"NODE_NAME": self.node},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        self.wait(self.subnet_file.exists)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=10)
            self.process = None

    def settings(self) -> dict[str, str]:
        """`FLANNEL_SUBNET`, `FLANNEL_MTU` …"""
        lines = self.subnet_file.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def wait(self, ready: Callable[[], bool]) -> None:
        """Raises: ClusterError: it has ended, or time is up."""
        end = time.monotonic() + STARTED_TIMEOUT
        while not ready():
            ended = self.process is None or self.process.poll() is not None
            if ended or time.monotonic() > end:
                words = "\n".join(self.log.read_text(errors="replace").splitlines()[-5:])
                raise ClusterError(f"flanneld on {self.node} {'has ended' if ended else 'is late'}: {words}")
            time.sleep(0.05)
