"""A node: containerd, kubelet and kube-proxy in a room of their own, at the paths that real nodes have."""

import time
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from typing import Literal

from kubectl_skoop.testing.netns import Namespace
from tests.e2e import binaries, cgroup, node_files
from tests.e2e.control_plane import ControlPlane
from tests.e2e.errors import ClusterError
from tests.e2e.room import Room, open_room
from tests.e2e.slot import Slot
from tests.e2e.underlay import node_address, node_name, pod_range

ProxyMode = Literal["iptables", "nftables"]

_NFTABLES_SINCE, _RUNTIME_IN_FILE_SINCE = 33, 27
"""Minor versions: kube-proxy's nftables mode is stable; kubelet's file names the container runtime."""
_CONTAINERD_TIMEOUT = 120
_OWN = ("/run", "/var/lib", "/var/log")
"""Folders of which a node has its own."""
_SETTINGS = ("echo 1 >/proc/sys/net/ipv4/ip_forward", "echo 0 >/proc/sys/net/ipv4/icmp_ratelimit")
"""A client that asks again each second would never get the ICMP message that says why it fails: for what no
route leads to, net/ipv4/route.c, ip_error, and net/ipv4/icmp.c, icmpv4_xrlim_allow, take from one bucket."""


@dataclass(frozen=True, slots=True)
class Node:
    number: int
    proxy_mode: ProxyMode
    address: IPv4Address
    pods: IPv4Network
    cgroup: str
    room: Room
    programs: Path
    version: str

    @property
    def name(self) -> str:
        return self.room.name

    @property
    def namespace(self) -> Namespace:
        """Its network namespace, to enter."""
        return self.room.namespace

    @property
    def runtime_socket(self) -> Path:
        """containerd's socket, as this machine sees it."""
        return _own(self.room.folder, "/run") / "containerd/containerd.sock"

    def run(self, *command: str, text: str = "") -> str:
        """What a command printed that ran on the node, in all its namespaces. Raises: ClusterError."""
        return self.room.run(*command, text=text)

    def import_image(self, archive: Path) -> None:
        """Make the image of a tar archive (`docker save`, OCI layout) known to containerd."""
        self.run("ctr", "-n", "k8s.io", "images", "import", str(archive))

    def start_kubelet(self) -> None:
        folder = self.room.folder
        runtime = f"--container-runtime-endpoint=unix://{node_files.RUNTIME_SOCKET}"
        self.room.start(
            str(self.programs / "kubelet"),
            f"--config={folder}/kubelet.yaml",
            f"--kubeconfig={folder}/kubelet.kubeconfig",
            f"--hostname-override={self.name}",
            f"--node-ip={self.address}",
            *((runtime,) if binaries.minor(self.version) < _RUNTIME_IN_FILE_SINCE else ()),
        )

    def stop_kubelet(self) -> None:
        """Its pods go on."""
        self.room.daemons.pop("kubelet").stop()

    def start_kube_proxy(self) -> None:
        self.room.start(str(self.programs / "kube-proxy"), f"--config={self.room.folder}/kube-proxy.yaml")

    def stop_kube_proxy(self) -> None:
        """Its rules stay."""
        self.room.daemons.pop("kube-proxy").stop()


def prepare(slot: Slot, number: int, version: str) -> Node:
    """The node's namespaces and containerd; it needs no API server yet.

    Raises:
        ClusterError: containerd does not start.
    """
    name = node_name(number)
    folder = slot.folder / name
    for path in _OWN:
        _own(folder, path).mkdir(parents=True)
    for path in ("etc", "etc-work"):
        (folder / path).mkdir()
    room = open_room(slot, name, [*_mounts(folder), *_SETTINGS])
    group = f"{slot.prefix}/{name}"
    cgroup.create(group)
    node = Node(
        number,
        _proxy_mode(number, version),
        node_address(slot, number),
        pod_range(number),
        group,
        room,
        binaries.built(version),
        version,
    )
    _write(folder / "containerd.toml", node_files.containerd())
    _write(folder / "kubelet.yaml", node_files.kubelet(group))
    _write(
        Path(f"/proc/{room.pid}/root{node_files.CNI_FOLDER}/10-bridge.conflist"), node_files.cni(node.pods)
    )
    containerd = room.start("containerd", f"--config={folder}/containerd.toml")
    end = time.monotonic() + _CONTAINERD_TIMEOUT
    while not node.runtime_socket.exists():
        if containerd.ended() or time.monotonic() > end:
            raise ClusterError(f"{name}: containerd does not start: {containerd.last_words()}")
        time.sleep(0.01)
    return node


def join(node: Node, plane: ControlPlane) -> None:
    """Start what talks to the API server."""
    folder = node.room.folder
    kubeconfig = plane.kubeconfig(f"system:node:{node.name}")
    _write(folder / "kubelet.kubeconfig", kubeconfig.read_text())
    proxy = plane.kubeconfig("system:kube-proxy")
    _write(folder / "kube-proxy.yaml", node_files.kube_proxy(node.proxy_mode, node.name, proxy))
    node.start_kubelet()
    node.start_kube_proxy()


def _proxy_mode(number: int, version: str) -> ProxyMode:
    """One node uses nftables, where kube-proxy can."""
    return "nftables" if number == 2 and binaries.minor(version) >= _NFTABLES_SINCE else "iptables"


def _mounts(folder: Path) -> list[str]:
    """Shell lines that give the node its own view of the files, with the machine's programs."""
    settings = folder / "kernel-settings"
    lines = [f"mkdir -p {folder}/cgroup", f"mount --rbind /sys/fs/cgroup {folder}/cgroup"]
    lines += ["mount -t sysfs sysfs /sys", f"mount --rbind {folder}/cgroup /sys/fs/cgroup"]
    for name, value in node_files.KERNEL_SETTINGS.items():
        _write(settings / name, value)
        lines.append(f"mount --bind {settings / name} /proc/sys/{name}")
    lines.append(
        f"mount -t overlay overlay -o lowerdir=/etc,upperdir={folder}/etc,workdir={folder}/etc-work /etc"
    )
    lines.append(f"mkdir -p {node_files.CNI_FOLDER} {node_files.STATIC_PODS}")
    return [*lines, *(f"mount --bind {_own(folder, path)} {path}" for path in _OWN)]


def _own(folder: Path, path: str) -> Path:
    return folder / path.strip("/").replace("/", "-")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
