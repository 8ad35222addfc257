"""Labs of CNIs that give pods addresses of the node's own interfaces in a cloud's network.

The switch stands for the VPC: each interface of a node is on a port of its own, an address is led to the
interface that has it, and what an interface sends with an address of another one may be dropped (the
source/destination check). Each node is in a subnet of its own.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from kubectl_skoop.testing.cluster_lab import SWITCH, ClusterLab
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import Backend, LabNode, LabPod, Mode, standard

POD_GATEWAY = "169.254.1.1"
UPLINK, SECOND = "eth0", "eth1"


@dataclass(frozen=True, slots=True)
class VpcNode(LabNode):
    """In the subnet of its pods, 10.244.N.0/24, whose router has the first address."""

    @property
    def address(self) -> str:
        return f"10.244.{self.number}.10"

    @property
    def second_address(self) -> str:
        return f"10.244.{self.number}.11"

    @property
    def second_mac(self) -> str:
        return f"02:00:00:00:01:{self.number:02x}"

    @property
    def router(self) -> str:
        return self.bridge_address

    @property
    def second_router(self) -> str:
        """Of the second interface's subnet."""
        return self.router


def vpc_node(node: LabNode) -> VpcNode:
    assert isinstance(node, VpcNode)
    return node


class VpcPort(NamedTuple):
    """Of the switch: where one interface is attached."""

    name: str
    link: str
    """What makes it, after `ip link add`."""
    mac: str
    """Of the interface."""
    router: str
    addresses: tuple[str, ...]
    """That the VPC leads here."""


class VpcLab(ClusterLab):
    """What the labs of such CNIs share; each of them says how its agent leaves a node."""

    prefix_of_devices: ClassVar[str]
    rules_lead_to_pods: ClassVar[bool] = True
    checks_sources: ClassVar[bool] = True
    pod_end: ClassVar[str] = "eth0"
    """Of the veth to the node, in the pod."""
    from_pod: ClassVar[int]
    """Priority of the rules for what pods send."""

    def __init__(
        self, mode: Mode, backend: Backend = "iptables-nft", *, node: type[VpcNode] = VpcNode
    ) -> None:
        super().__init__(mode, backend, topology=standard(node=node))

    def interface_of(self, pod: LabPod) -> str:
        """Whose address the pod has: of each node the first pod one of the second interface."""
        return UPLINK if pod.slot else SECOND

    def table(self) -> int:
        """Of the second interface."""
        raise NotImplementedError

    def values(self) -> Mapping[str, str]:
        nodes = [vpc_node(node) for node in self.topology.nodes]
        routers = {f"router.{node.name}": node.router for node in nodes}
        addresses = {f"node.{node.name}": node.address for node in nodes}
        return {**routers, **addresses, "eni.table": str(self.table()), "eni.from": str(self.from_pod)}

    def host_device(self, pod: LabPod) -> str:
        digest = hashlib.sha1(f"{pod.namespace}.{pod.name}".encode()).hexdigest()
        return self.prefix_of_devices + digest[:11]

    def pod_end_mac(self, pod: LabPod) -> str:
        return pod.mac

    def second_device_address(self, node: VpcNode) -> str:
        """With its prefix length."""
        return f"{node.second_address}/24"

    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if item["kind"] == "Node":
                item["spec"] = {"providerID": self.provider_id(item["metadata"]["name"])}
        return objects

    def provider_id(self, node: str) -> str:
        raise NotImplementedError

    def switch_links(self) -> list[str]:
        lines = ["link set lo up", "route add blackhole default"]
        for port in self.ports():
            lines += [
                f"link add {port.link}",
                f"addr add {port.router}/32 dev {port.name}",
                f"link set {port.name} up",
            ]
            for address in port.addresses:
                lines += [
                    f"route add {address} dev {port.name}",
                    f"neigh add {address} lladdr {port.mac} dev {port.name} nud permanent",
                ]
        return lines

    def ports(self) -> Iterator[VpcPort]:
        for node in map(vpc_node, self.topology.nodes):
            for port, device, mac, router in (
                (f"u{node.number}", UPLINK, node.mac, node.router),
                (f"x{node.number}", SECOND, node.second_mac, node.second_router),
            ):
                link = self.wire(port, device, mac, node.name)
                yield VpcPort(port, link, mac, router, tuple(self.addresses_at(node, device)))

    def wire(self, port: str, device: str, mac: str, place: str) -> str:
        """What makes a port of the switch and the interface in a place."""
        inside = self.namespaces[place].name
        return f"{port} type veth peer name {device} address {mac} netns {inside}"

    def addresses_at(self, node: VpcNode, device: str) -> Iterator[str]:
        """Those that the VPC leads to an interface."""
        yield node.address if device == UPLINK else node.second_address
        for pod in self.topology.pods_of(node):
            if self.interface_of(pod) == device:
                yield pod.address

    def node_links(self, node: LabNode) -> list[str]:
        own = vpc_node(node)
        lines = [
            "link set lo up",
            f"addr add {own.address}/24 brd + dev {UPLINK}",
            f"link set {UPLINK} up",
            f"route add default via {own.router} dev {UPLINK}",
            f"addr add {self.second_device_address(own)} dev {SECOND} noprefixroute",
            f"link set {SECOND} up",
        ]
        for pod in self.topology.pods_of(node):
            lines += [*self.pod_wire(pod), *self.pod_at_node(pod)]
        return lines + self.cni_links(node)

    def pod_wire(self, pod: LabPod) -> list[str]:
        """The veth between a pod and its node."""
        device, inside = self.host_device(pod), self.namespaces[pod.name].name
        return [
            f"link add {device} address {host_mac(pod)} type veth "
            f"peer name {self.pod_end} address {self.pod_end_mac(pod)} netns {inside}",
            f"link set {device} up",
        ]

    def pod_at_node(self, pod: LabPod) -> list[str]:
        """How its node leads to it."""
        route = f"route add {pod.address} dev {self.host_device(pod)} scope link"
        to_pod = f"rule add to {pod.address} lookup main priority 512"
        return [route, *([to_pod] if self.rules_lead_to_pods else [])]

    def pod_links(self, pod: LabPod) -> list[str]:
        return [
            "link set lo up",
            f"addr add {pod.address}/32 dev eth0",
            "link set eth0 up",
            f"route add {POD_GATEWAY} dev eth0 scope link",
            f"route add default via {POD_GATEWAY} dev eth0",
            f"neigh add {POD_GATEWAY} lladdr {host_mac(pod)} dev eth0 nud permanent",
        ]

    def finish_nodes(self) -> None:
        """The VPC's checks of sources, and its answers to ARP."""
        switch = self.namespaces[SWITCH]
        rules: list[str] = []
        for port in self.ports():
            if self.checks_sources:
                rules += [f"-A PREROUTING -i {port.name} -s {own} -j ACCEPT" for own in port.addresses]
                rules.append(f"-A PREROUTING -i {port.name} -j DROP")
            name = port.name.replace(".", "/")
            switch.set_sysctls(
                {f"net.ipv4.conf.{name}.proxy_arp": 1, f"net.ipv4.neigh.{name}.proxy_delay": 0}
            )
        switch.run(f"{self.backend}-restore", text=Ruleset({}, {"raw": rules}).text())


def host_mac(pod: LabPod) -> str:
    """Of the node's end of a pod's veth, which the agent draws by lot."""
    return f"0e:58:0a:f4:{pod.node.number:02x}:{pod.slot + 2:02x}"
