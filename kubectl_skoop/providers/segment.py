"""The network between nodes that no cloud describes, by what the nodes know: networks, MTUs, neighbours."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import NamedTuple

from kubectl_skoop.api import (
    Address,
    Context,
    Level,
    NodeInfo,
    NotCollected,
    Place,
    Suspicion,
    Where,
)

NUD_FAILED = 0x20
"""linux/neighbour.h"""
SHOWN = 6


class Host(NamedTuple):
    """A node with the device that has its address; its state itself is not held."""

    name: str
    device: str
    mtu: int
    """Bytes."""
    address: Address
    network: IPv4Network
    """That the address is in, by its prefix length."""
    macs: frozenset[str]
    """Of all of its devices."""

    def __str__(self) -> str:
        return f"{self.name} {self.device}: {self.network}, MTU {self.mtu}"


Claims = dict[tuple[Address, str], Host]
"""Who first has this MAC for a node's address; an empty MAC: who got no answer."""


class Segments:
    """IPv4, gathered node by node: no state is held."""

    def __init__(self, ctx: Context) -> None:
        self._ctx = ctx
        self._nodes: dict[Address, str] = {
            each: node.name
            for node in ctx.cluster.nodes()
            for each in node.addresses[:1]
            if each.version == 4
        }
        self._hosts: list[Host] = []
        self._claims: Claims = {}

    def see(self, node: NodeInfo) -> None:
        """One whose state was read."""
        place, address = Place("node", node.name), next(iter(node.addresses), None)
        if address is None or self._nodes.get(address) != node.name:
            return
        ctx, ns = self._ctx, self._ctx.namespace(place)
        device, network = ctx.device_with(place, address), ctx.network_of(place, address)
        if isinstance(ns, NotCollected) or device is None or not isinstance(network, IPv4Network):
            return
        if network.prefixlen == network.max_prefixlen:
            return
        macs = frozenset(each.mac for each in ns.devices.values() if each.mac)
        host = Host(node.name, device.name, device.mtu, address, network, macs)
        for entry in ns.neighbours:
            told = entry.valid or entry.state == NUD_FAILED
            if told and entry.device == device.index and entry.address in self._nodes and not entry.proxy:
                self._claims.setdefault((entry.address, entry.mac if entry.valid else ""), host)
        self._hosts.append(host)

    def findings(self) -> Iterator[Suspicion]:
        """After all nodes."""
        by_network: dict[IPv4Network, list[Host]] = {}
        for host in self._hosts:
            by_network.setdefault(host.network, []).append(host)
        yield from _networks(by_network)
        for members in by_network.values():
            yield from _mtus(members)
        yield from _neighbours(self._hosts, self._claims)


def _networks(by_network: Mapping[IPv4Network, Sequence[Host]]) -> Iterator[Suspicion]:
    """A node that takes more for its own network than the others asks for MACs of what is behind a router."""
    for network, members in by_network.items():
        wider = next((one for one in by_network if one != network and one.supernet_of(network)), None)
        if wider is not None:
            other = by_network[wider][0]
            yield _told(
                "generic.network.differs",
                other,
                f"{other.address} of {other.device} is in {wider}, and other nodes take {network} for "
                "their network: what these reach by a router, that one seeks on the link",
                tuple(map(str, (other, *members)[:SHOWN])),
                f"if {network} is right: ip addr change {other.address}/{network.prefixlen} dev "
                f"{other.device}",
            )


def _mtus(members: Sequence[Host]) -> Iterator[Suspicion]:
    """One link carries one size; what most of its nodes have is taken for it."""
    usual = Counter(host.mtu for host in members).most_common(1)[0][0]
    for host in members:
        mtu = host.mtu
        if mtu == usual:
            continue
        fate = (
            f"packets above {mtu} bytes for it are lost"
            if mtu < usual
            else "what it sends in full size is lost"
        )
        yield _told(
            "generic.mtu.differs",
            host,
            f"{host.device} has MTU {mtu}, other nodes in {host.network} have {usual}: {fate}, unless "
            "TCP agrees on less",
            tuple(map(str, members[:SHOWN])),
            f"ip link set {host.device} mtu {usual}",
        )


def _neighbours(hosts: Sequence[Host], claims: Claims) -> Iterator[Suspicion]:
    by_address = {host.address: host for host in hosts}
    by_mac = {mac: host for host in hosts for mac in host.macs}
    for (address, mac), host in claims.items():
        owner, other = by_address.get(address), by_mac.get(mac)
        if owner is None or owner is host:
            continue
        if not mac:
            yield _silent(host, owner)
        elif mac not in owner.macs and other is not None:
            yield _of_another(host, owner, other, mac)


def _silent(host: Host, owner: Host) -> Suspicion:
    return _told(
        "generic.neighbour.failed",
        host,
        f"node {owner.name} did not answer node {host.name} for {owner.address}",
        (f"{owner.address} dev {host.device} FAILED", str(owner)),
        f"ping {owner.address} on {host.name}; look at the cable, VLAN or virtual network between them",
    )


def _of_another(host: Host, owner: Host, other: Host, mac: str) -> Suspicion:
    return _told(
        "generic.neighbour.other",
        host,
        f"node {host.name} sends what is for {owner.address} of node {owner.name} to the MAC of node "
        f"{other.name}",
        (
            f"{owner.address} dev {host.device} lladdr {mac}",
            f"{owner.name}: {', '.join(sorted(owner.macs)[:SHOWN])}",
        ),
        f"ip neigh flush to {owner.address} dev {host.device}; if it comes again, look who else has it",
    )


def _told(code: str, host: Host, message: str, evidence: Sequence[str], remedy: str) -> Suspicion:
    return Suspicion(
        code=code,
        level=Level.WARNING,
        where=Where(place=Place("node", host.name), device=host.device),
        message=message,
        evidence=tuple(evidence),
        remedy=remedy,
    )
