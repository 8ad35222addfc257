"""Nodes that real kube-routers set up, told by a real API server and by each other over BGP; pods by the real
CNI plugin `bridge`.

Nodes, pods and the network between them are those of `kubectl_skoop.testing.cluster_lab`.
"""

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

from kubectl_skoop.testing.cluster_lab import SWITCH
from kubectl_skoop.testing.cni import CniLab, configuration
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import LabNode
from tests.e2e.kube_router.daemon import KubeRouter
from tests.e2e.lab_api import Api, settle


class KubeRouterLab(CniLab):
    """`with KubeRouterLab(api) as lab`"""

    def __init__(self, api: Api) -> None:
        super().__init__("kube-router")
        self.api = api
        self._folder = tempfile.TemporaryDirectory(prefix="skoop-kube-router-")
        self._reach = ExitStack()
        folder, kubeconfig = Path(self._folder.name), api.plane.kubeconfig()
        self.daemons = {
            node.name: KubeRouter(node.name, self.namespace(node.name), folder, kubeconfig)
            for node in self.topology.nodes
        }

    def close(self) -> None:
        for daemon in self.daemons.values():
            daemon.stop()
        self._reach.close()
        super().close()
        self._folder.cleanup()

    def start(self, node: LabNode) -> None:
        """kube-router writes the node's podCIDR into the CNI configuration."""
        conf = Path(self._folder.name, f"{node.name}.conf")
        conf.write_text(json.dumps(configuration("kube-router", node, f"{self._folder.name}/leases")))
        self.daemons[node.name].start(conf)

    def settle(self, node: str, route: str) -> None:
        """Until a line of `ip route` on the node begins so. Raises: ClusterError."""

        def there() -> bool:
            told = self.namespace(node).run("ip", "route").splitlines()
            return any(line.startswith(route) for line in told)

        settle("kube-router", there)

    def cni_links(self, node: LabNode) -> list[str]:
        return []

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return proxy.text()

    def finish_nodes(self) -> None:
        """Nothing by hand."""

    def connect_pods(self) -> None:
        """When the bridge is there. Returns when each node has learned the other's range."""
        self.api.has_nodes(super().objects())
        self._reach.enter_context(self.api.reached_from(self.namespace(SWITCH)))
        for node in self.topology.nodes:
            self.start(node)
        super().connect_pods()
        for node in self.topology.nodes:
            for peer in self.topology.nodes:
                if peer != node:
                    self.settle(node.name, f"{peer.pod_cidr} via {peer.address}")
