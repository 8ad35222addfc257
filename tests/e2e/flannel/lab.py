"""Nodes that real flannelds set up, told by a real API server; pods by the real CNI plugin `bridge`.

Nodes, pods and the network between them are those of `kubectl_skoop.testing.cluster_lab`: no kubelet runs,
and Node objects are written by hand.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubectl_skoop.testing import netns
from kubectl_skoop.testing.cluster_lab import SWITCH, ClusterLab
from kubectl_skoop.testing.cni import call, node_end, programs
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import CLUSTER_CIDR, UNDERLAY, LabNode, LabPod, Mode
from tests.e2e import binaries, control_plane, slot, underlay
from tests.e2e.control_plane import ControlPlane
from tests.e2e.errors import ClusterError
from tests.e2e.flannel.daemon import Flanneld
from tests.e2e.kubectl import Kubectl
from tests.e2e.slot import Slot

SETTLED_TIMEOUT = 30
UPLINK = "labs"
"""The device of the switch before the API server, behind which a lab is."""


@dataclass(frozen=True, slots=True)
class Api:
    """An API server that labs can reach, one at a time."""

    place: Slot
    plane: ControlPlane
    kubectl: Kubectl
    switch: netns.Namespace

    @contextmanager
    def reached_from(self, lab: netns.Namespace) -> Iterator[None]:
        """The lab's switch is a router of the network before the API server."""
        length, gateway = self.place.network.prefixlen, self.place.network[-3]
        self.switch.run("ip", "link", "add", UPLINK, "type", "veth", "peer", "name", "api", "netns", lab.name)
        self.switch.run("ip", "link", "set", UPLINK, "master", "br0", "up")
        lab.run("ip", "addr", "add", f"{gateway}/{length}", "dev", "api")
        lab.run("ip", "link", "set", "api", "up")
        self.plane.room.run("ip", "route", "replace", f"{UNDERLAY}.0/24", "via", str(gateway))
        try:
            yield
        finally:
            self.switch.run("ip", "link", "del", UPLINK)


@contextmanager
def served() -> Iterator[Api]:
    """Raises: ClusterError."""
    found = binaries.built(programs=("kube-apiserver", "kubectl"))
    with slot.taken() as place:
        switch = underlay.build(place, 0)
        plane = control_plane.start_api_server(place, found, [])
        try:
            yield Api(place, plane, Kubectl(found / "kubectl", plane.kubeconfig()), switch)
        finally:
            plane.room.close()


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
        end = time.monotonic() + SETTLED_TIMEOUT
        while not ready():
            if time.monotonic() > end:
                raise ClusterError("flanneld does not do what was waited for")
            time.sleep(0.1)

    def cni_links(self, node: LabNode) -> list[str]:
        return []

    def cni_rules(self, node: LabNode, proxy: Ruleset) -> str:
        return proxy.text()

    def finish_nodes(self) -> None:
        """Nothing by hand."""

    def connect_pods(self) -> None:
        """When flanneld has said which range and which MTU pods have."""
        self.api.kubectl("delete", "node", "--all")
        nodes = [_bare(item) for item in super().objects() if item["kind"] == "Node"]
        self.api.kubectl.apply({"apiVersion": "v1", "kind": "List", "items": nodes})
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


def _bare(node: Object) -> Object:
    """Before flanneld has seen it."""
    return {**node, "metadata": {"name": node["metadata"]["name"], "labels": node["metadata"]["labels"]}}
