"""A whole Kubernetes cluster on this machine, from nothing, and gone again afterwards."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from kubectl_skoop.testing.netns import Namespace
from tests.e2e import binaries, cgroup, control_plane, image, node_files, requirements, slot, underlay
from tests.e2e import node as nodes_module
from tests.e2e.control_plane import ControlPlane
from tests.e2e.errors import ClusterError
from tests.e2e.kubeconfig import write_kubeconfig
from tests.e2e.kubectl import Kubectl
from tests.e2e.node import Node

READY_TIMEOUT = 180
"""Seconds for nodes and the first objects."""


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
        lasting = ("--duration=24h", f"--namespace={namespace}")
        token = self.kubectl("create", "token", name, *lasting).strip()
        path = self.folder / f"{namespace}-{name}.kubeconfig"
        return write_kubeconfig(path, self.plane.server, token, namespace=namespace)

    def import_image(self, archive: Path) -> None:
        """To all nodes."""
        for node in self.nodes.values():
            node.import_image(archive)

    def pause_api_server(self) -> None:
        """It neither answers nor refuses until it is resumed; the nodes go on."""
        self.plane.api_server.pause()

    def resume_api_server(self) -> None:
        self.plane.api_server.resume()

    def container_process(self, pod: Mapping[str, Any]) -> int:
        """The id, on this machine, of a process of a running pod's first container.

        Raises:
            ClusterError: there is none.
        """
        name, uid, node = pod["metadata"]["name"], pod["metadata"]["uid"], pod["spec"]["nodeName"]
        container = pod["status"]["containerStatuses"][0]["containerID"].removeprefix("containerd://")
        pods = f"{self.nodes[node].cgroup}/kubepods"
        for quality in ("", "besteffort/", "burstable/"):
            if pids := cgroup.processes(f"{pods}/{quality}pod{uid}/{container}"):
                return pids[0]
        raise ClusterError(f"no process of pod {name} runs on {node}")


@contextmanager
def running(nodes: int = 3, *, version: str = binaries.VERSION) -> Iterator[Cluster]:
    """A cluster whose nodes are ready, and which takes pods.

    Raises:
        ClusterError: it cannot be had; the message says what failed.
    """
    requirements.check()
    programs = binaries.built(version)
    kubectl_program = binaries.built(binaries.VERSION, ("kubectl",)) / "kubectl"
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
            members[name] = nodes_module.prepare(place, number, version)
            stack.callback(members[name].room.close)
        kubectl = Kubectl(kubectl_program, plane.kubeconfig())
        cluster = Cluster(place.folder, plane, members, switch, underlay.switch_address(place), kubectl)
        kubectl.apply(*(_registered(node) for node in members.values()))
        cluster.import_image(pause)
        for node in members.values():
            nodes_module.join(node, plane)
        for wanted in (
            ("--for=condition=Ready", "node", "--all"),
            ("--for=create", "serviceaccount/default"),
        ):
            _await(cluster, wanted)
        yield cluster


def _await(cluster: Cluster, wanted: Sequence[str]) -> None:
    """Raises: ClusterError: time is up, or a daemon has ended, which is why nothing comes."""
    end = time.monotonic() + READY_TIMEOUT
    while True:
        try:
            cluster.kubectl("wait", *wanted, "--timeout=5s")
        except ClusterError:
            for room in (cluster.plane.room, *(node.room for node in cluster.nodes.values())):
                room.check()
            if time.monotonic() > end:
                raise
        else:
            return


def _registered(node: Node) -> dict[str, object]:
    """The object that kubelet finds; made beforehand, so that each node has the range of its number."""
    spec = {"podCIDR": str(node.pods), "podCIDRs": [str(node.pods)]}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name}, "spec": spec}
