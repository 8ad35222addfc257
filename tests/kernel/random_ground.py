"""What random edits of a lab are drawn from: its places, its devices, and addresses of one family."""

from dataclasses import dataclass
from random import Random
from typing import Literal

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.topology import TUNNELS

TABLES = {4: "iptables", 6: "ip6tables"}


@dataclass(frozen=True, slots=True)
class Ground:
    lab: ClusterLab
    family: Literal[4, 6]
    addresses: tuple[str, ...]
    """Of pods, nodes, services, and networks with some of them."""
    overlay: str = ""
    """The vxlan device between the nodes, if there is one."""
    remotes: tuple[str, ...] = ()
    """Addresses that a tunnel may lead to, one of them nobody's."""

    @property
    def ip(self) -> str:
        return f"ip -{self.family}"

    @property
    def icmp(self) -> str:
        return "icmp" if self.family == 4 else "icmpv6"

    @property
    def backend(self) -> str:
        """The iptables of the family."""
        return self.lab.backend.replace("iptables", TABLES[self.family])

    def place(self, random: Random) -> str:
        nodes, pods = (
            [each.name for each in group] for group in (self.lab.topology.nodes, self.lab.topology.pods)
        )
        return random.choice(nodes if random.random() < 0.7 else pods)

    def node(self, random: Random) -> str:
        return random.choice(self.lab.topology.nodes).name

    def device(self, random: Random, where: str) -> str:
        return random.choice([line.split(": ")[1].split("@")[0] for line in self.lines(where, "ip -o link")])

    def address(self, random: Random) -> str:
        return random.choice(self.addresses)

    def host(self, random: Random) -> str:
        """An address that is no network, though it may be the first of one."""
        return self.address(random).split("/")[0]

    def lines(self, where: str, command: str) -> list[str]:
        """What a command prints at a place."""
        return self.lab.namespace(where).run(*command.split()).splitlines()


def ground4(lab: ClusterLab) -> Ground:
    topology = lab.topology
    nodes = tuple(node.address for node in topology.nodes)
    return Ground(
        lab,
        4,
        (
            *(pod.address for pod in topology.pods),
            *nodes,
            *(service.address for service in topology.services),
            *(str(node.pod_cidr) for node in topology.nodes),
            "10.96.0.0/12",
            "10.0.0.0/24",
        ),
        overlay=TUNNELS.get(lab.mode, ""),
        remotes=(*nodes, "10.0.0.99"),
    )
