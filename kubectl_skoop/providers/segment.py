"""The network between nodes that no cloud describes, by what the nodes know: networks, MTUs, neighbours."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Network
from typing import NamedTuple

from kubectl_skoop.api import (
    Address,
    Context,
    Device,
    NetworkNamespace,
    NodeInfo,
    NotCollected,
    Place,
    Suspicion,
)
from kubectl_skoop.providers.finding import remark

NUD_FAILED = 0x20
"""linux/neighbour.h"""
SHOWN = 6


class Host(NamedTuple):
    """A node with the device that has its address."""

    node: NodeInfo
    ns: NetworkNamespace
    device: Device
    address: Address
    network: IPv4Network
    """That the address is in, by its prefix length."""

    def __str__(self) -> str:
        return f"{self.node.name} {self.device.name}: {self.network}, MTU {self.device.mtu}"


def of_segments(ctx: Context) -> Iterator[Suspicion]:
    """IPv4."""
    hosts = list(_hosts(ctx))
    by_network: dict[IPv4Network, list[Host]] = {}
    for host in hosts:
        by_network.setdefault(host.network, []).append(host)
    yield from _networks(by_network)
    for members in by_network.values():
        yield from _mtus(members)
    yield from _neighbours(hosts)


def _hosts(ctx: Context) -> Iterator[Host]:
    for node in ctx.cluster.nodes():
        place = Place("node", node.name)
        ns = ctx.namespace(place)
        address = next((each for each in node.addresses if each.version == 4), None)
        if isinstance(ns, NotCollected) or address is None:
            continue
        device, network = ctx.device_with(place, address), ctx.network_of(place, address)
        if device is not None and isinstance(network, IPv4Network) and network.prefixlen < 32:
            yield Host(node, ns, device, address, network)


def _networks(by_network: Mapping[IPv4Network, Sequence[Host]]) -> Iterator[Suspicion]:
    """A node that takes more for its own network than the others asks for MACs of what is behind a router."""
    for network, members in by_network.items():
        wider = next((one for one in by_network if one != network and one.supernet_of(network)), None)
        if wider is not None:
            other = by_network[wider][0]
            yield remark(
                "generic.network.differs",
                other.node,
                f"{other.address} of {other.device.name} is in {wider}, and other nodes take {network} for "
                "their network: what these reach by a router, that one seeks on the link",
                tuple(map(str, (other, *members)[:SHOWN])),
                f"if {network} is right: ip addr change {other.address}/{network.prefixlen} dev "
                f"{other.device.name}",
            )


def _mtus(members: Sequence[Host]) -> Iterator[Suspicion]:
    """One link carries one size; what most of its nodes have is taken for it."""
    usual = Counter(host.device.mtu for host in members).most_common(1)[0][0]
    for host in members:
        mtu = host.device.mtu
        if mtu == usual:
            continue
        fate = (
            f"packets above {mtu} bytes for it are lost"
            if mtu < usual
            else "what it sends in full size is lost"
        )
        yield remark(
            "generic.mtu.differs",
            host.node,
            f"{host.device.name} has MTU {mtu}, other nodes in {host.network} have {usual}: {fate}, unless "
            "TCP agrees on less",
            tuple(map(str, members[:SHOWN])),
            f"ip link set {host.device.name} mtu {usual}",
        )


def _neighbours(hosts: Sequence[Host]) -> Iterator[Suspicion]:
    by_address = {host.address: host for host in hosts}
    by_mac = {host.device.mac: host for host in hosts if host.device.mac}
    for host in hosts:
        for entry in host.ns.neighbours:
            owner = by_address.get(entry.address)
            if owner is None or owner is host or entry.device != host.device.index or entry.proxy:
                continue
            own_macs = {device.mac for device in owner.ns.devices.values()}
            other = by_mac.get(entry.mac)
            if entry.state == NUD_FAILED:
                yield _silent(host, owner)
            elif entry.valid and entry.mac not in own_macs and other is not None:
                yield _of_another(host, owner, other)


def _silent(host: Host, owner: Host) -> Suspicion:
    return remark(
        "generic.neighbour.failed",
        host.node,
        f"node {owner.node.name} did not answer node {host.node.name} for {owner.address}",
        (f"{owner.address} dev {host.device.name} FAILED", str(owner)),
        f"ping {owner.address} on {host.node.name}; look at the cable, VLAN or virtual network between them",
    )


def _of_another(host: Host, owner: Host, other: Host) -> Suspicion:
    return remark(
        "generic.neighbour.other",
        host.node,
        f"node {host.node.name} sends what is for {owner.address} of node {owner.node.name} to the MAC of "
        f"node {other.node.name}",
        (
            f"{owner.address} dev {host.device.name} lladdr {other.device.mac}",
            f"{owner.node.name} {owner.device.name}: {owner.device.mac}",
        ),
        f"ip neigh flush to {owner.address} dev {host.device.name}; if it comes again, look who else has it",
    )
