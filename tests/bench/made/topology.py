"""Who is in the made-up cluster, with which addresses. Numbers begin at 0."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

from kubectl_skoop.testing.topology import LabBackend, LabService

APPS = ("web", "api", "db", "cache", "queue")
CLUSTER_CIDR = "10.128.0.0/9"
GATEWAY, BROADCAST = "10.0.255.254", "10.0.255.255"
PORT = 8080
_BACKENDS = (1, 1, 2)
"""Of services in turn: six rules a service."""


@dataclass(frozen=True)
class MadeNode:
    number: int

    @property
    def name(self) -> str:
        return f"worker-{self.number:04d}"

    @cached_property
    def address(self) -> str:
        return f"10.0.{self.number + 1 >> 8}.{self.number + 1 & 255}"

    @cached_property
    def prefix(self) -> str:
        """The first three numbers of its pods' addresses."""
        return f"10.{128 + (self.number >> 8)}.{self.number & 255}"

    @property
    def mac(self) -> str:
        return f"02:00:00:00:{self.number >> 8:02x}:{self.number & 255:02x}"

    @cached_property
    def vtep_mac(self) -> str:
        return f"0e:00:00:00:{self.number >> 8:02x}:{self.number & 255:02x}"

    @property
    def bridge_mac(self) -> str:
        return mac_of(f"{self.prefix}.1")


def mac_of(address: str) -> str:
    """As the bridge plugin makes it of an address."""
    return "0a:58:" + ":".join(f"{int(part):02x}" for part in address.split("."))


@dataclass(frozen=True, slots=True)
class MadePod:
    number: int
    node: MadeNode
    slot: int
    """Position on its node, from 0."""
    namespace: str

    @property
    def name(self) -> str:
        return f"{APPS[self.number % len(APPS)]}-{self.number:06d}"

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def address(self) -> str:
        return f"{self.node.prefix}.{self.slot + 2}"


@dataclass(frozen=True)
class Size:
    """At most 250 pods a node; services are a multiple of namespaces."""

    nodes: int
    pods: int
    services: int
    namespaces: int

    @cached_property
    def all_nodes(self) -> tuple[MadeNode, ...]:
        return tuple(map(MadeNode, range(self.nodes)))

    def pod(self, number: int) -> MadePod:
        node = self.all_nodes[number % self.nodes]
        return MadePod(number, node, number // self.nodes, self.namespace(number))

    def pods_of(self, node: MadeNode) -> Iterator[MadePod]:
        return map(self.pod, range(node.number, self.pods, self.nodes))

    def by_namespace(self, count: int) -> Iterator[int]:
        """Numbers of pods or services in the order of their namespaces."""
        return chain.from_iterable(
            range(first, count, self.namespaces) for first in range(min(self.namespaces, count))
        )

    def namespace(self, number: int) -> str:
        return f"team-{number % self.namespaces:03d}"

    def service(self, number: int, shift: int = 0) -> LabService:
        """`shift`: with its endpoints as they were some deployments ago."""
        count = _BACKENDS[number % len(_BACKENDS)]
        first = number + self.namespaces + shift * self.services
        step = self.services + self.namespaces
        pods = [self.pod((first + place * step) % self.pods) for place in range(count)]
        backends = tuple(LabBackend(pod.address, PORT, pod.node.name, pod.key) for pod in pods)
        place = number + 1
        address = f"10.{96 + (place >> 16)}.{place >> 8 & 255}.{place & 255}"
        name = f"{APPS[number % len(APPS)]}-{number}"
        return LabService(name, address, 80, backends, namespace=self.namespace(number))


def sized(nodes: int) -> Size:
    """Twenty pods and two services a node, a namespace for five nodes."""
    return Size(nodes=nodes, pods=20 * nodes, services=2 * nodes, namespaces=max(nodes // 5, 1))
