"""Which nodes, pods and services a lab has, with the names and addresses that a real cluster gives them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

Mode = Literal[
    "flannel-vxlan",
    "flannel-host-gw",
    "flannel-alloc",
    "flannel-ipip",
    "flannel-udp",
    "flannel-wireguard",
    "calico",
    "calico-vxlan",
    "calico-ipip",
    "canal",
    "bridge",
    "ptp",
    "kindnet",
    "kube-router",
    "aws-vpc-cni",
    "aws-custom-network",
    "aws-prefixes",
    "terway-eniip",
    "terway-vpc",
    "terway-eni",
    "custom",
]
"""`custom`: a lab of somebody else's CNI, which sets its nodes and pods up by itself."""
Backend = Literal["iptables-nft", "iptables-legacy"]

CLUSTER_CIDR = "10.244.0.0/16"
UNDERLAY = "10.0.0"
GATEWAY = f"{UNDERLAY}.254"
VNI = 1
VXLAN_PORT = 8472
VXLAN_OVERHEAD = 50
"""Bytes that vxlan over IPv4 adds: 14 inner Ethernet, 8 vxlan, 8 UDP, 20 IP."""
IPIP_OVERHEAD = 20
"""Bytes of the outer IPv4 header."""
WIREGUARD_OVERHEAD = 80
"""Bytes that flannel leaves for WireGuard's headers: they take 60 over IPv4."""
UDP_OVERHEAD = 28
"""Bytes that flannel's backend udp adds: 8 UDP, 20 IP."""
UNDERLAY_MTU = 1500

POD_PORT = 8080
DNS_PORT = 5353
KUBELET_PORT = 10250
APISERVER_PORT = 6443
NODE_PORT = 30080


MODES: tuple[Mode, ...] = ("flannel-vxlan", "flannel-host-gw", "calico")
"""In which the whole table of faults is tried."""
HAND_MODES: tuple[Mode, ...] = ("flannel-alloc", "calico-vxlan", "canal")
"""Further ones that are made by hand."""
GUEST_MODES: tuple[Mode, ...] = ("flannel-ipip",)
"""Made by hand, too, of devices that this machine's kernel may lack."""
CNI_MODES: tuple[Mode, ...] = ("bridge", "ptp", "kindnet", "kube-router")
"""Whose pods the reference CNI plugins connect (`testing.cni`)."""
AWS_MODES: tuple[Mode, ...] = ("aws-vpc-cni", "aws-custom-network", "aws-prefixes")
ENI_MODES: tuple[Mode, ...] = (*AWS_MODES, "terway-eniip")
"""Whose pods have addresses of the nodes' interfaces."""
OWN_NIC_MODES: tuple[Mode, ...] = ("terway-eni",)
"""Whose pods have an interface for themselves."""
OF_THEIR_OWN: frozenset[Mode] = frozenset({"flannel-udp", "flannel-wireguard"})
"""With labs and faults of their own: `testing.flannel_udp`, `testing.flannel_wireguard`."""
VPC_MODES: tuple[Mode, ...] = (*ENI_MODES, "terway-vpc")
"""Whose pods the cloud's network itself leads to (`testing.vpc`): there are no routes between nodes."""
ALL_MODES: tuple[Mode, ...] = (*MODES, *HAND_MODES, *CNI_MODES)
CALICO_MODES: tuple[Mode, ...] = ("calico", "calico-vxlan", "calico-ipip")
BY_FELIX: frozenset[Mode] = frozenset({*CALICO_MODES, "canal"})
"""Pods are connected by Calico."""
TUNNELS: Mapping[Mode, str] = {
    "flannel-vxlan": f"flannel.{VNI}",
    "canal": f"flannel.{VNI}",
    "calico-vxlan": "vxlan.calico",
}
"""The vxlan device between nodes, where there is one."""
IPIP: Mapping[Mode, str] = {"flannel-ipip": "flannel.ipip", "calico-ipip": "tunl0"}
"""The ipip device between nodes, where there is one."""
FLANNEL_BACKENDS: Mapping[Mode, str] = {
    "flannel-vxlan": "vxlan",
    "flannel-host-gw": "host-gw",
    "flannel-alloc": "alloc",
    "flannel-ipip": "ipip",
    "flannel-udp": "udp",
    "flannel-wireguard": "wireguard",
    "canal": "vxlan",
}
"""How flannel connects the nodes, where it does."""
ON_BRIDGE: Mapping[Mode, str] = {
    "flannel-vxlan": "cni0",
    "flannel-host-gw": "cni0",
    "flannel-alloc": "cni0",
    "flannel-ipip": "cni0",
    "flannel-udp": "cni0",
    "flannel-wireguard": "cni0",
    "bridge": "cni0",
    "kube-router": "kube-bridge",
}
"""The bridge of the pods, where there is one."""
BACKENDS: tuple[Backend, ...] = ("iptables-nft", "iptables-legacy")


@dataclass(frozen=True, slots=True)
class LabNode:
    number: int

    @property
    def name(self) -> str:
        return f"n{self.number}"

    @property
    def address(self) -> str:
        return f"{UNDERLAY}.{self.number}"

    @property
    def mac(self) -> str:
        return f"02:00:00:00:00:{self.number:02x}"

    @property
    def vtep_mac(self) -> str:
        return f"0e:00:00:00:00:{self.number:02x}"

    @property
    def bridge_mac(self) -> str:
        return f"0a:58:0a:f4:{self.number:02x}:01"

    @property
    def pod_cidr(self) -> IPv4Network:
        return IPv4Network(f"10.244.{self.number}.0/24")

    @property
    def block(self) -> IPv4Network:
        """Calico's block of 64 addresses."""
        return IPv4Network(f"10.244.{self.number}.0/26")

    @property
    def tunnel_address(self) -> str:
        """Of Calico's tunnel device: one of its block."""
        return f"10.244.{self.number}.32"

    @property
    def bridge_address(self) -> str:
        return f"10.244.{self.number}.1"


@dataclass(frozen=True, slots=True)
class LabPod:
    name: str
    node: LabNode
    slot: int
    """Position on its node, from 0."""

    namespace: str = "default"

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def address(self) -> str:
        return f"10.244.{self.node.number}.{self.slot + 2}"

    @property
    def mac(self) -> str:
        return f"0a:58:0a:f4:{self.node.number:02x}:{self.slot + 2:02x}"

    def host_device(self, mode: Mode) -> str:
        """Calico: `cali` and 11 hex digits of SHA-1 over `namespace.name`; the bridge plugin draws by lot."""
        digest = hashlib.sha1(f"{self.namespace}.{self.name}".encode()).hexdigest()
        return f"cali{digest[:11]}" if mode in BY_FELIX else f"veth{digest[:8]}"


@dataclass(frozen=True, slots=True)
class LabBackend:
    address: str
    port: int
    node: str
    pod: str = ""


@dataclass(frozen=True, slots=True)
class LabService:
    name: str
    address: str
    port: int
    backends: tuple[LabBackend, ...]
    protocol: Literal["tcp", "udp"] = "tcp"
    node_port: int = 0
    port_name: str = ""
    namespace: str = "default"

    @property
    def port_key(self) -> str:
        """As kube-proxy writes it: `default/web`, `default/kubernetes:https`."""
        return f"{self.namespace}/{self.name}" + (f":{self.port_name}" if self.port_name else "")


@dataclass(frozen=True, slots=True)
class Topology:
    nodes: tuple[LabNode, ...]
    pods: tuple[LabPod, ...]
    services: tuple[LabService, ...]

    def node(self, name: str) -> LabNode:
        return next(node for node in self.nodes if node.name == name)

    def pod(self, name: str) -> LabPod:
        return next(pod for pod in self.pods if pod.name == name)

    def service(self, name: str) -> LabService:
        return next(service for service in self.services if service.name == name)

    def pods_of(self, node: LabNode) -> tuple[LabPod, ...]:
        return tuple(pod for pod in self.pods if pod.node == node)


def standard(nodes: int = 2, *, node: type[LabNode] = LabNode) -> Topology:
    """Pods a and a2 on n1, b and b2 on n2, c and c2 on n3 …; services of each kind:

    `web` (one backend, b; with a node port), `self` (its backend is a), `pair` (a2 and b2), `empty` (none),
    `dns` (UDP, b), `kubernetes` (the API server on n1).
    """
    lab_nodes = tuple(node(number) for number in range(1, nodes + 1))
    pods = tuple(
        LabPod(letter + suffix, node, slot)
        for letter, node in zip("abcdefgh", lab_nodes, strict=False)
        for slot, suffix in enumerate(("", "2"))
    )
    by_name = {pod.name: pod for pod in pods}

    def backend(name: str, port: int = POD_PORT) -> LabBackend:
        pod = by_name[name]
        return LabBackend(pod.address, port, pod.node.name, name)

    services = (
        LabService(
            "kubernetes",
            "10.96.0.1",
            443,
            (LabBackend(lab_nodes[0].address, APISERVER_PORT, lab_nodes[0].name),),
            port_name="https",
        ),
        LabService("web", "10.96.0.10", 80, (backend("b"),), node_port=NODE_PORT),
        LabService("self", "10.96.0.11", 80, (backend("a"),)),
        LabService("pair", "10.96.0.12", 80, (backend("a2"), backend("b2"))),
        LabService("empty", "10.96.0.13", 80, ()),
        LabService("dns", "10.96.0.53", 53, (backend("b", DNS_PORT),), protocol="udp"),
    )
    return Topology(lab_nodes, pods, services)
