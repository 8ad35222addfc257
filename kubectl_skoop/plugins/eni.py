"""What CNIs want that give pods addresses of the node's own network interfaces in a VPC.

A pod hangs on a veth with a host route, and a rule that leads to it. A rule for its address leads what it
sends to the table of the interface that has the address, so that the VPC sees it come from there.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import NamedTuple

from kubectl_skoop.api import (
    Address,
    Context,
    Device,
    Link,
    NetworkNamespace,
    NodeInfo,
    NotCollected,
    Packet,
    Place,
    PodInfo,
    SimplePluginNode,
    Wishes,
    device_key,
    expect,
)

GATEWAY = "169.254.1.1"
"""Of pods: an address that nobody has; its neighbour entry is static."""
EVERYWHERE, TABLE_MAIN = "0.0.0.0/0", 254
SMALL = 24
"""Length from which a prefix's addresses are listed; those of clouds have 28."""
TO_POD = 512
"""Priority of the rules that lead to the host routes, of both agents."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """What one agent does its own way."""

    agent: str
    prefix: str
    """Beginning of the pods' device names on the node."""
    from_pod: int
    """Priority of the rules that lead pods' packets to an interface's table; 0: there are no rules."""
    rp_filter: tuple[int, ...]
    """Of the uplink, the first is what the agent writes."""
    mark: int = 0
    """Of packets that leave by the uplink wherever they come from; 0: there is none."""
    mark_priority: int = 0
    spares_uplink: bool = False
    """No pod has an address of the uplink."""
    own_table: Callable[[NetworkNamespace, Device], int]
    """Of an interface beside the uplink; 0: not known, or it is not the agent's."""


class Told(NamedTuple):
    """An interface as the cloud tells it."""

    mac: str
    addresses: Iterable[str]
    prefixes: Iterable[str]
    """Networks of addresses that are its own, too; empty texts among them are left out."""


class Hop(NamedTuple):
    """Where a route leads: a device, by its index there, and a gateway."""

    device: int
    gateway: Address | None


class Eni(NamedTuple):
    """An interface of the node beside its uplink."""

    device: Device
    table: int
    gateway: Address | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EniNode(SimplePluginNode):
    """IPv4 only. Made by `eni_node`."""

    ctx: Context
    node: NodeInfo
    scheme: Scheme
    pods: Sequence[PodInfo]
    owners: Mapping[str, str]
    uplink: Device | None = None
    enis: tuple[Eni, ...] = ()

    def always(self) -> Wishes:
        yield expect.sysctl("net.ipv4.ip_forward", 1, because="a node must forward for its pods")
        if self.uplink is not None:
            yield from self._nic(self.uplink)
            yield expect.sysctl(
                f"net.ipv4.conf.{device_key(self.uplink.name)}.rp_filter",
                *self.scheme.rp_filter,
                because=f"{self.scheme.agent} loosens it: answers to pods of other interfaces come in here",
            )
        for eni in self.enis:
            yield from self._eni(eni)
        for pod in self.pods:
            yield from self._pod(pod)
        if self.scheme.mark:
            yield expect.rule(
                mark=self.scheme.mark,
                mask=self.scheme.mark,
                priority=self.scheme.mark_priority,
                because=f"{self.scheme.agent} adds it: answers to node ports leave by the uplink",
            )

    def to_pod(self, upstream: Link | None, packet: Packet, pod: PodInfo) -> Wishes:
        if packet.dst.version == 4 and pod in self.pods and packet.dst in pod.addresses:
            yield expect.route(
                f"{packet.dst}/32",
                dev=self.device_of(pod),
                scope="link",
                carries=packet.dst,
                source=packet.src,
                because=self._because(pod),
            )

    def device_of(self, pod: PodInfo) -> str:
        """Calico's agent, which may enforce policies on it, expects the same digits."""
        digest = hashlib.sha1(f"{pod.namespace}.{pod.name}".encode(), usedforsecurity=False).hexdigest()
        return self.scheme.prefix + digest[:11]

    def eni_of(self, address: Address) -> Eni | None:
        """By what the VPC says, else by the networks of the interfaces; None: the uplink's, or not known."""
        owner = self.owners.get(str(address), "")
        if owner:
            return next((eni for eni in self.enis if eni.device.mac == owner), None)
        if len(self.enis) == 1 and self.scheme.spares_uplink:
            return self.enis[0]
        place = Place("node", self.node.name)
        nics = [eni.device for eni in self.enis]
        if self.uplink is not None and not self.scheme.spares_uplink:
            nics.append(self.uplink)
        around = [nic for nic in nics if address in (network_of(self.ctx, place, nic) or ())]
        return next((eni for eni in self.enis if around == [eni.device]), None)

    def _nic(self, nic: Device) -> Wishes:
        yield expect.device(
            nic.name,
            up=True,
            carrier=True,
            arp=True,
            min_mtu=self.ctx.largest_pod_mtu(self.node.name),
            because="it leads to the VPC",
        )
        yield expect.forwarding(nic.name)

    def _eni(self, eni: Eni) -> Wishes:
        yield from self._nic(eni.device)
        if eni.gateway is not None:
            yield expect.route(
                EVERYWHERE,
                dev=eni.device.name,
                via=eni.gateway,
                table=eni.table,
                onlink=True,
                because=f"{self.scheme.agent} adds it when it attaches the interface",
            )

    def _pod(self, pod: PodInfo) -> Wishes:
        device, because = self.device_of(pod), self._because(pod)
        yield from attachment(self.ctx, pod, device, because)
        for address in pod.addresses:
            if address.version == 4:
                yield from self._address(device, address, because)

    def _address(self, device: str, address: Address, because: str) -> Wishes:
        yield expect.route(f"{address}/32", dev=device, scope="link", because=because)
        if self.scheme.from_pod:
            yield expect.rule(destination=f"{address}/32", priority=TO_POD, because=because)
        eni = self.eni_of(address)
        if eni is not None:
            yield expect.rule(
                source=f"{address}/32",
                table=eni.table,
                priority=self.scheme.from_pod,
                because=f"{because}: the address is one of {eni.device.name}",
            )

    def _because(self, pod: PodInfo) -> str:
        return f"{self.scheme.agent} adds it when {pod.key} starts"


def attachment(ctx: Context, pod: PodInfo, device: str, because: str, *, inside: str = "eth0") -> Wishes:
    """The node's end of a pod's veth, which is called `inside` there."""
    peer = ctx.device(Place("pod", pod.key), inside)
    yield expect.device(
        device,
        kind="veth",
        up=True,
        carrier=True,
        arp=True,
        mtu=peer.mtu if peer else None,
        because=because,
    )
    yield expect.forwarding(device, because)


def eni_node(
    ctx: Context, node: NodeInfo, scheme: Scheme, pods: Sequence[PodInfo], owners: Mapping[str, str]
) -> EniNode:
    """`pods`: on the node, those that are connected this way. `owners`: MACs of the interfaces by the
    addresses that the VPC says they have; empty: it was not asked."""
    made = EniNode(ctx=ctx, node=node, scheme=scheme, pods=pods, owners=owners)
    place = Place("node", node.name)
    ns = ctx.namespace(place)
    if isinstance(ns, NotCollected):
        return made
    default = default_hop(ns, TABLE_MAIN)
    nics = [nic for nic in ctx.nics(place) if _has_one_of(ctx, place, nic, node.addresses)]
    nics.sort(key=lambda nic: default is None or nic.index != default.device)
    if not nics:
        return made
    uplink = nics[0]
    beside = (nic for nic in ctx.nics(place) if nic != uplink)
    enis = tuple(
        Eni(nic, table, _gateway(ctx, ns, nic, uplink, pods))
        for nic in beside
        if (table := scheme.own_table(ns, nic))
    )
    return replace(made, uplink=uplink, enis=enis)


def _has_one_of(ctx: Context, place: Place, nic: Device, addresses: Sequence[Address]) -> bool:
    return any(entry.address in addresses for entry in ctx.addresses(place, nic))


def owners_of(told: Iterable[Told]) -> Mapping[str, str]:
    """MACs of the interfaces by their IPv4 addresses. Of prefixes, which are not large, each address counts.

    Raises: ValueError (a prefix that is none).
    """
    found: dict[str, str] = {}
    for each in told:
        found |= dict.fromkeys(each.addresses, each.mac.lower())
        for network in (IPv4Network(prefix) for prefix in each.prefixes if prefix):
            if network.prefixlen >= SMALL:
                found |= dict.fromkeys(map(str, network), each.mac.lower())
    return found


def network_of(ctx: Context, place: Place, nic: Device) -> IPv4Network | None:
    """The network of its first address that is not alone in it."""
    networks = (
        IPv4Network(f"{entry.address}/{entry.prefix}", strict=False)
        for entry in ctx.addresses(place, nic)
        if entry.address.version == 4
    )
    return next((network for network in networks if network.prefixlen < network.max_prefixlen), None)


def default_hop(ns: NetworkNamespace, table: int) -> Hop | None:
    """Of the default route of a table that is taken first, IPv4."""
    found = (route for route in ns.routes if route.table == table and str(route.destination) == EVERYWHERE)
    first = min(found, key=lambda route: route.metric, default=None)
    return (
        None
        if first is None or not first.nexthops
        else Hop(first.nexthops[0].device, first.nexthops[0].gateway)
    )


def _gateway(
    ctx: Context, ns: NetworkNamespace, nic: Device, uplink: Device, pods: Sequence[PodInfo]
) -> Address | None:
    """The uplink's where both are in one network, else the first address of the interface's own."""
    own, around = network_of(ctx, ns.place, nic), network_of(ctx, ns.place, uplink)
    addresses = [address for pod in pods for address in pod.addresses if address.version == 4]
    together = around is not None and all(address in around for address in addresses)
    if own is not None and own != around:
        return own[1]
    default = default_hop(ns, TABLE_MAIN) if together else None
    return default.gateway if default is not None else None
