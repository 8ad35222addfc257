"""kube-router in a node's network namespace."""

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from kubectl_skoop.testing.kube_proxy_nft import SERVICE_CIDR
from tests.e2e import binaries
from tests.e2e.node_daemon import NodeDaemon

_IN_ITS_OWN = ("unshare", "--mount", "sh", "-c", 'mount --bind "$0" /etc/iproute2 && exec "$@"')
"""It writes the names of its tables into /etc/iproute2/rt_tables, which shall stay this machine's."""


@dataclass(slots=True)
class KubeRouter(NodeDaemon):
    program: ClassVar[str] = "kube-router"

    def start(self, cni_conf: Path) -> None:
        """Returns when its node has the pods' bridge. Raises: ClusterError."""
        tables = self.folder / f"{self.node}-iproute2"
        tables.mkdir(exist_ok=True)
        command = (
            *_IN_ITS_OWN,
            str(tables),
            str(binaries.kube_router_built()),
            f"--kubeconfig={self.kubeconfig}",
            f"--hostname-override={self.node}",
            f"--service-cluster-ip-range={SERVICE_CIDR}",
            "--run-service-proxy=false",
        )
        self.launch(command, {"NODE_NAME": self.node, "KUBE_ROUTER_CNI_CONF_FILE": str(cni_conf)})
        self.wait(lambda: "kube-bridge" in self.namespace.run("ip", "-brief", "link"))

    def pause(self) -> None:
        """Its sessions stay until their hold time is over, after 90 s."""
        if self.process is not None:
            self.process.send_signal(signal.SIGSTOP)

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
        NodeDaemon.stop(self)
