"""flannel's backend udp: a process of each node carries pods' packets between a TUN device and UDP.

The process is a thread here; like flanneld (pkg/backend/udp/proxy_amd64.c) it knows the node of each range.
"""

import fcntl
import os
import select
import socket
import struct
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network
from threading import Thread

from kubectl_skoop.testing import flannel
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.netns import Namespace, entered
from kubectl_skoop.testing.topology import CLUSTER_CIDR, LabNode

DEVICE, PORT = "flannel0", 8285
_TUNSETIFF, _IFF_TUN, _IFF_NO_PI = 0x400454CA, 0x1, 0x1000
_LARGEST = 65535
_DESTINATION = slice(16, 20)
"""Of an IPv4 header."""


class UdpLab(ClusterLab):
    """`with UdpLab() as lab`"""

    def __init__(self) -> None:
        super().__init__("flannel-udp")
        self.carriers: dict[str, Carrier] = {}
        """By node."""

    def close(self) -> None:
        for carrier in self.carriers.values():
            carrier.stop()
        super().close()

    def cni_links(self, node: LabNode) -> list[str]:
        """The device is there first: its process makes it."""
        peers = {peer.pod_cidr: peer.address for peer in self.topology.nodes if peer != node}
        self.carriers[node.name] = Carrier(self.namespace(node.name), node.address, peers)
        return [
            f"link set {DEVICE} mtu {flannel.pod_mtu('flannel-udp')}",
            f"addr add {node.pod_cidr.network_address}/32 dev {DEVICE}",
            f"link set {DEVICE} up",
            f"route add {CLUSTER_CIDR} dev {DEVICE}",
            *super().cni_links(node),
        ]

    def _listen(self) -> None:
        """The node has its address by now."""
        super()._listen()
        for carrier in self.carriers.values():
            carrier.start()


class Carrier:
    """One node's process."""

    def __init__(self, namespace: Namespace, address: str, peers: Mapping[IPv4Network, str]) -> None:
        self._namespace, self._address, self._peers = namespace, address, peers
        self._stop, self._stopped = os.pipe()
        with entered(namespace.path):
            self._tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            wanted = struct.pack("16sH22x", DEVICE.encode(), _IFF_TUN | _IFF_NO_PI)
            fcntl.ioctl(self._tun, _TUNSETIFF, wanted)
        self._thread = Thread(target=self._carry, daemon=True)

    def start(self) -> None:
        with entered(self._namespace.path):
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self._address, PORT))
        self._thread.start()

    def stop(self) -> None:
        """The device goes with it. A second time nothing happens."""
        if self._stopped >= 0:
            os.close(self._stopped)
            if self._thread.ident is not None:
                self._thread.join()
                self._socket.close()
            os.close(self._stop)
            os.close(self._tun)
            self._stopped = -1

    def _carry(self) -> None:
        watched: list[int | socket.socket] = [self._stop, self._tun, self._socket]
        while True:
            ready, _, _ = select.select(watched, [], [])
            if self._stop in ready:
                return
            if self._tun in ready:
                self._send(os.read(self._tun, _LARGEST))
            if self._socket in ready:
                os.write(self._tun, self._socket.recv(_LARGEST))

    def _send(self, packet: bytes) -> None:
        if packet[0] >> 4 != 4:
            return
        destination = IPv4Address(packet[_DESTINATION])
        for network, address in self._peers.items():
            if destination in network:
                self._socket.sendto(packet, (address, PORT))
