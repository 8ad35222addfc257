"""A whole Kubernetes cluster on this machine, from nothing, and gone again afterwards."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path

from kubectl_skoop.testing.netns import Namespace
from tests.e2e import binaries, cgroup, control_plane, image, node_files, slot, underlay
from tests.e2e import node as nodes_module
from tests.e2e.control_plane import ControlPlane
from tests.e2e.errors import ClusterError
from tests.e2e.kubeconfig import write_kubeconfig
from tests.e2e.kubectl import Kubectl
from tests.e2e.node import Node, ProxyMode

PROXY_MODES: Mapping[int, ProxyMode] = {2: "nftables"}
"""By the number of the node; the others use iptables."""


@dataclass(frozen=True, slots=True)
class Cluster:
    folder: Path
    plane: ControlPlane
    nodes: Mapping[str, Node]
    outside: Namespace
    """The switch between the nodes: a client that is not part of the cluster."""
    outside_address: IPv4Address
    kubectl: Kubectl

    @property
    def kubeconfig(self) -> Path:
        """The administrator's."""
        return self.plane.kubeconfig()

    def service_account_kubeconfig(self, name: str, namespace: str = "default") -> Path:
        """For an account that exists; it may do what its roles allow."""
        token = self.kubectl("create", "token", name, f"--namespace={namespace}").strip()
        path = self.folder / f"{namespace}-{name}.kubeconfig"
        return write_kubeconfig(path, self.plane.server, token, namespace=namespace)

    def import_image(self, archive: Path) -> None:
        """To all nodes."""
        for node in self.nodes.values():
            node.import_image(archive)

    def pause_api_server(self) -> None:
        """It neither answers nor refuses until it is resumed."""
        self.plane.api_server.pause()

    def resume_api_server(self) -> None:
        self.plane.api_server.resume()

    def pod_process(self, node: str, uid: str) -> int:
        """The id, on this machine, of a process of a running pod.

        Raises:
            ClusterError: there is none.
        """
        pods = f"{self.nodes[node].cgroup}/kubepods"
        for quality in ("", "besteffort/", "burstable/"):
            if pids := cgroup.processes(f"{pods}/{quality}pod{uid}"):
                return pids[0]
        raise ClusterError(f"no process of the pod with the id {uid} runs on {node}")


@contextmanager
def running(nodes: int = 3, *, version: str = binaries.VERSION) -> Iterator[Cluster]:
    """A cluster whose nodes are ready, and which takes pods.

    Raises:
        ClusterError: it cannot be had; the message says what failed.
    """
    programs = binaries.built(version)
    with slot.taken() as place, ExitStack() as stack:
        switch = underlay.build(place, nodes)
        names = [underlay.node_name(number) for number in range(1, nodes + 1)]
        plane = control_plane.start(place, programs, names)
        stack.callback(plane.room.close)
        members: dict[str, Node] = {}
        pause = image.write_image(
            place.folder / "pause.tar", node_files.PAUSE_IMAGE, ("/bin/sleep", "2147483647")
        )
        for number, name in enumerate(names, start=1):
            mode = PROXY_MODES.get(number, "iptables")
            members[name] = nodes_module.prepare(place, number, programs, mode)
            stack.callback(members[name].room.close)
        kubectl = Kubectl(programs / "kubectl", plane.kubeconfig())
        cluster = Cluster(place.folder, plane, members, switch, underlay.switch_address(place), kubectl)
        kubectl.apply(*(_registered(node) for node in members.values()))
        cluster.import_image(pause)
        for node in members.values():
            nodes_module.join(node, plane)
        kubectl("wait", "--for=condition=Ready", "node", "--all", "--timeout=60s")
        kubectl("wait", "--for=create", "serviceaccount/default", "--timeout=60s")
        yield cluster


def _registered(node: Node) -> dict[str, object]:
    """The object that kubelet finds; made beforehand, so that each node has the range of its number."""
    spec = {"podCIDR": str(node.pods), "podCIDRs": [str(node.pods)]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name}, "spec": spec}
