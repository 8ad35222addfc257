"""Nodes that real flannelds set up, told by a real API server; pods by the real CNI plugin `bridge`.

Nodes, pods and the network between them are those of `kubectl_skoop.testing.cluster_lab`: no kubelet runs,
and Node objects are written by hand.
"""

import json
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kubectl_skoop.testing.cluster_lab import SWITCH, ClusterLab
from kubectl_skoop.testing.cni import call, node_end, programs
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import CLUSTER_CIDR, LabNode, LabPod, Mode
from tests.e2e.errors import ClusterError
from tests.e2e.flannel.daemon import Flanneld
from tests.e2e.lab_api import Api, settle


class FlannelLab(ClusterLab):
    """`with FlannelLab(api, mode, backend) as lab`; `backend` as `net-conf.json` has it."""

    def __init__(self, api: Api, mode: Mode, backend: Mapping[str, object]) -> None:
        super().__init__(mode)
        self.api = api
        self.net_conf = {"Network": CLUSTER_CIDR, "Backend": backend}
        self._state = tempfile.TemporaryDirectory(prefix="skoop-flannel-")
        self._devices: dict[str, str] = {}
        self._reach = ExitStack()
        self.daemons = {
            node.name: Flanneld(
                node.name, self.namespace(node.name), Path(self._state.name), api.plane.kubeconfig()
            )
            for node in self.topology.nodes
        }

    def close(self) -> None:
        for daemon in self.daemons.values():
            daemon.stop()
        self._reach.close()
        super().close()
        self._state.cleanup()

    def host_device(self, pod: LabPod) -> str:
        """As the plugin drew it."""
        return self._devices[pod.name]

    def objects(self) -> list[Object]:
        """Nodes as the API server has them."""
        nodes: list[Object] = self.api.kubectl.get("nodes")["items"]
        objects = [item for item in super().objects() if item["kind"] != "Node"]
        for item in objects:
            if item["metadata"]["name"] == "kube-flannel-cfg":
                item["data"]["net-conf.json"] = json.dumps(self.net_conf)
        return [*objects, *nodes]

    def annotate(self, node: str, name: str, value: str | None) -> None:
        """None: it is removed."""
        key = f"flannel.alpha.coreos.com/{name}"
        change = f"{key}-" if value is None else f"{key}={value}"
        self.api.kubectl("annotate", "node", node, change, "--overwrite")

    def settle(self, ready: Callable[[], bool]) -> None:
        """Raises: ClusterError."""
        settle("flanneld", ready)

    def cni_links(self, node: LabNode) -> list[str]:
        return []

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return proxy.text()

    def finish_nodes(self) -> None:
        """Nothing by hand."""

    def connect_pods(self) -> None:
        """When flanneld has said which range and which MTU pods have."""
        self.api.has_nodes(super().objects())
        self._reach.enter_context(self.api.reached_from(self.namespace(SWITCH)))
        for daemon in self.daemons.values():
            daemon.start(self.net_conf)
        self._set_up_pods()
        self.settle(lambda: all(map(self._knows_all, self.topology.nodes)))

    def _knows_all(self, node: LabNode) -> bool:
        told = self.namespace(node.name).run("ip", "route")
        return all(str(peer.pod_cidr) in told for peer in self.topology.nodes)

    def _set_up_pods(self) -> None:
        folder = programs()
        if folder is None:
            raise ClusterError("the CNI plugins are not installed")
        for pod in self.topology.pods:
            self.namespaces[pod.name].run("ip", "link", "set", "lo", "up")
            told = self.daemons[pod.node.name].settings()
            conf = bridge_of(told, f"{self._state.name}/{pod.node.name}-leases")
            result = call(folder, self.namespaces[pod.node.name], self.namespaces[pod.name], conf)
            self._devices[pod.name] = node_end(result, "cni0")


def bridge_of(told: Mapping[str, str], leases: str) -> dict[str, Any]:
    """What flannel's CNI plugin has the plugin `bridge` do (flannel-io/cni-plugin, flannel_linux.go)."""
    subnet = told["FLANNEL_SUBNET"].replace(".1/", ".0/")
    return {
        "cniVersion": "1.0.0",
        "name": "cbr0",
        "type": "bridge",
        "mtu": int(told["FLANNEL_MTU"]),
        "isGateway": True,
        "isDefaultGateway": True,
        "hairpinMode": True,
        "ipMasq": False,
        "ipam": {
            "type": "host-local",
            "dataDir": leases,
            "ranges": [[{"subnet": subnet}]],
            "routes": [{"dst": told["FLANNEL_NETWORK"]}],
        },
    }
