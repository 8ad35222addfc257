"""The flows that a lab is asked about: who sends what to whom, as a user would type it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from kubectl_skoop.testing.topology import (
    DNS_PORT,
    IPIP,
    IPIP_OVERHEAD,
    KUBELET_PORT,
    NODE_PORT,
    POD_PORT,
    TUNNELS,
    UNDERLAY_MTU,
    VXLAN_OVERHEAD,
    WIREGUARD_OVERHEAD,
    Mode,
    Topology,
)

FlowProtocol = Literal["tcp", "udp", "icmp"]
CLOSED_PORT = 81
LOTS = 6
"""How often a service with two backends is asked."""
LARGE = {
    **dict.fromkeys(TUNNELS, UNDERLAY_MTU - VXLAN_OVERHEAD),
    "flannel-wireguard": UNDERLAY_MTU - WIREGUARD_OVERHEAD,
    **dict.fromkeys(IPIP, UNDERLAY_MTU - IPIP_OVERHEAD),
}
"""The largest IP packet that passes between pods, bytes, where it is not the link's own."""


@dataclass(frozen=True, slots=True)
class Flow:
    source: str
    """`pod/NAMESPACE/NAME` or `node/NAME`."""
    destination: str
    """What is asked for: the same, `svc/NAMESPACE/NAME`, or an address."""
    address: str
    protocol: FlowProtocol
    port: int = 0
    size: int = 0
    """IP total length of an echo request, bytes; 0: the default."""
    df: bool = False
    bulk: bool = False
    """TCP: send a lot both ways after the handshake."""
    copy: int = 0
    """The same flow again, for services whose backend is drawn by lot."""

    @property
    def id(self) -> str:
        port = f":{self.port}" if self.port else ""
        size = f" {self.size} bytes" + (" DF" if self.df else "") if self.size else ""
        bulk = " bulk" if self.bulk else ""
        copy = f" copy {self.copy}" if self.copy else ""
        return f"{self.source} to {self.destination}{port} {self.protocol}{size}{bulk}{copy}"

    @property
    def question(self) -> "Flow":
        """Without the copy number."""
        return replace(self, copy=0)

    @property
    def source_place(self) -> str:
        """The lab's short name of the source."""
        return self.source.rsplit("/", 1)[-1]


def standard_flows(topology: Topology, mode: Mode) -> tuple[Flow, ...]:
    """Each kind of way through a cluster of the standard topology."""
    return tuple(_flows(topology, mode))


def _flows(topology: Topology, mode: Mode) -> Iterator[Flow]:
    def pod(source: str, target: str, protocol: FlowProtocol, port: int = 0, *, bulk: bool = False) -> Flow:
        return Flow(source, f"pod/default/{target}", topology.pod(target).address, protocol, port, bulk=bulk)

    def node(source: str, target: str, protocol: FlowProtocol, port: int = 0) -> Flow:
        return Flow(source, f"node/{target}", topology.node(target).address, protocol, port)

    def service(source: str, name: str, *, by_address: bool = False, bulk: bool = False) -> Flow:
        found = topology.service(name)
        target = found.address if by_address else f"svc/default/{name}"
        return Flow(source, target, found.address, found.protocol, found.port, bulk=bulk)

    a, b, b2, n1, n2 = "pod/default/a", "pod/default/b", "pod/default/b2", "node/n1", "node/n2"
    yield pod(a, "a2", "tcp", POD_PORT, bulk=True)
    yield pod(a, "a2", "icmp")
    yield pod(a, "b", "tcp", POD_PORT, bulk=True)
    yield pod(a, "b", "udp", DNS_PORT)
    yield pod(a, "b", "icmp")
    yield replace(pod(a, "b", "icmp"), size=LARGE.get(mode, UNDERLAY_MTU), df=True)
    yield pod(a, "b", "tcp", CLOSED_PORT)
    yield pod(a, "b", "udp", CLOSED_PORT)
    yield pod(b, "a", "tcp", POD_PORT)
    yield pod(b2, "b", "tcp", POD_PORT)
    yield pod(b, "b", "tcp", POD_PORT)
    yield node(a, "n1", "tcp", KUBELET_PORT)
    yield node(a, "n2", "tcp", KUBELET_PORT)
    yield node(a, "n2", "icmp")
    yield Flow(a, topology.node("n2").address, topology.node("n2").address, "tcp", NODE_PORT)
    yield pod(n1, "a", "tcp", POD_PORT)
    yield pod(n1, "b", "tcp", POD_PORT)
    yield pod(n1, "b", "icmp")
    yield pod(n2, "b", "tcp", POD_PORT)
    yield service(a, "web")
    yield service(a, "web", by_address=True)
    yield service(a, "dns")
    for copy in range(LOTS):
        yield replace(service(a, "pair"), copy=copy)
    yield service(a, "empty")
    yield service(a, "self")
    yield service(a, "kubernetes")
    yield service(b, "web")
    yield service(b2, "web")
    yield service(n1, "web")
    yield service(n1, "self")
    yield node(n1, "n2", "tcp", KUBELET_PORT)
