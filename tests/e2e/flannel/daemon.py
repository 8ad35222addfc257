"""flanneld in a node's network namespace."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from tests.e2e import binaries
from tests.e2e.node_daemon import NodeDaemon


@dataclass(slots=True)
class Flanneld(NodeDaemon):
    program: ClassVar[str] = "flanneld"

    @property
    def subnet_file(self) -> Path:
        """What its CNI plugin reads: the range and the MTU of the pods."""
        return self.folder / f"{self.node}.env"

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
        self.launch(command, {"NODE_NAME": self.node})
        self.wait(self.subnet_file.exists)

    def settings(self) -> dict[str, str]:
        """`FLANNEL_SUBNET`, `FLANNEL_MTU` …"""
        lines = self.subnet_file.read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)
