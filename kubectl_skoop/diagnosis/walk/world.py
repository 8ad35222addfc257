"""All network stacks that a walk may enter, and who on the underlay has an address or a MAC."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from typing import TYPE_CHECKING, NamedTuple, Protocol

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Frame, Packet
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.device import (
    BR_STATE_FORWARDING,
    IFF_LOWER_UP,
    IFF_RUNNING,
    SAME_NAMESPACE,
    Device,
)
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import TABLE_MAIN
from kubectl_skoop.netstack.stack import Upper
from kubectl_skoop.snapshot.index import NodeEntry

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.walk.asking import Lessons

BR_STATE_DISABLED = 0
UPPER_KINDS = frozenset({"macvlan", "macvtap", "ipvlan", "vlan"})


class Namespaces(Protocol):
    """The part of a SnapshotSource that a walk needs."""

    def nodes_with(self, owned: Address | str) -> Collection[str]: ...

    def namespace(self, place: Place) -> NetworkNamespace | NotCollected: ...

    def namespace_by_id(self, identity: str) -> NetworkNamespace | NotCollected: ...

    def node(self, name: str) -> NodeEntry | NotCollected: ...


class Port(NamedTuple):
    """One device in one namespace."""

    ns: NetworkNamespace
    device: Device
    branch: Device | None = None
    """The VLAN on top of it that frames are for, perhaps in another namespace, where the underlay takes each
    VLAN for an interface of its own."""

    @property
    def mac(self) -> str:
        return (self.branch or self.device).mac

    @property
    def vlan(self) -> int | None:
        return self.branch.vlan.id if self.branch is not None and self.branch.vlan is not None else None

    def addressed(self, packet: Packet) -> Packet:
        """The packet as a frame for this port."""
        return replace(packet, dst_mac=self.mac, vlan=self.vlan)

    def sent(self, ns: NetworkNamespace, device: Device, frame: Frame) -> bool:
        """The frame left by this very port."""
        return (self.ns.id, self.device.name, self.vlan) == (ns.id, device.name, frame.vlan)


@dataclass(eq=False, slots=True)
class World:
    """The namespaces of the snapshot, some of them perhaps mended. Shared by all branches of a walk."""

    namespaces: Namespaces
    node_of_address: Callable[[Address], str | None]
    """Name of the node that has an address, by the objects; None: no node."""
    pod_of_address: Callable[[Address], tuple[Place, str] | None] = lambda address: None
    """The pod that has an address, by the objects, and its node's name."""
    pods_in_underlay: bool = False
    """The nodes' own network leads a pod's address to the pod's node."""
    mended: Mapping[str, NetworkNamespace] = field(default_factory=dict)
    """By namespace id: what is taken instead of the collected state."""
    missing: dict[str, NotCollected] = field(default_factory=dict)
    """What was asked for and is not there, by what."""
    outsider: NetworkNamespace | None = None
    """The host outside of the cluster that sends, if it is one."""
    lessons: "Lessons" = field(default_factory=dict)
    """Of this state."""

    _above: dict[str, dict[tuple[str, int], list[Upper]]] = field(default_factory=dict, init=False)
    """By node."""
    _pods: dict[tuple[str, Address], NetworkNamespace | None] = field(default_factory=dict, init=False)
    """By node and address."""

    def with_mended(self, ns: NetworkNamespace) -> "World":
        """The same world with this namespace in place of the collected one, and its veth peers' carrier."""
        mended = {**self.mended, ns.id: ns}
        before = self.by_id(ns.id)
        if not isinstance(before, NotCollected):
            for device in ns.devices.values():
                old = before.devices.get(device.index)
                if old is not None and device.kind == "veth" and device.up != old.up:
                    self._tell_peer(mended, device)
        return replace(self, mended=mended, lessons={})

    def _tell_peer(self, mended: dict[str, NetworkNamespace], device: Device) -> None:
        peer_ns = mended.get(device.link_netns) or self.by_id(device.link_netns)
        if isinstance(peer_ns, NotCollected) or device.link not in peer_ns.devices:
            return
        devices = dict(peer_ns.devices)
        peer = devices[device.link]
        devices[peer.index] = with_carrier(peer, device.up)
        bridge = devices.get(peer.master)
        if device.up and bridge is not None:
            devices[bridge.index] = with_carrier(bridge, True)
        mended[peer_ns.id] = replace(peer_ns, devices=devices)

    def at(self, place: Place) -> NetworkNamespace | NotCollected:
        if self.outsider is not None and place == self.outsider.place:
            return self.outsider
        return self._seen(self.namespaces.namespace(place))

    def by_id(self, identity: str) -> NetworkNamespace | NotCollected:
        if self.outsider is not None and identity == self.outsider.id:
            return self.outsider
        if identity in self.mended:
            return self.mended[identity]
        return self._seen(self.namespaces.namespace_by_id(identity))

    def above(self, netns: str, index: int, address: Address | None = None) -> Sequence[Upper]:
        """The devices of all namespaces of the node on top of this one, whose states are read for that; with
        an address those of the pod that has it."""
        node = netns.partition("/")[0]
        if address is not None:
            ns = self._pod_on(node, address)
            return () if ns is None else _on_top(ns, netns, index)
        if node not in self._above:
            found: dict[tuple[str, int], list[Upper]] = {}
            self._above[node] = found
            for ns in self.of_node(node):
                for device in ns.devices.values():
                    if device.link and device.kind != "veth":
                        below = (device.link_netns or ns.id, device.link)
                        found.setdefault(below, []).append(Upper(ns, device))
        return self._above[node].get((netns, index), ())

    def _pod_on(self, node: str, address: Address) -> NetworkNamespace | None:
        """Of the pod of the node that has it; None: none has, or its state was not collected."""
        key = node, address
        if key not in self._pods:
            pod = self.pod_of_address(address)
            ns = self.at(pod[0]) if pod is not None and pod[1] == node else None
            self._pods[key] = None if isinstance(ns, NotCollected) else ns
        return self._pods[key]

    def of_node(self, node: str) -> Iterator[NetworkNamespace]:
        """All that were collected of a node."""
        entry = self.namespaces.node(node)
        for inside in () if isinstance(entry, NotCollected) else entry.namespaces:
            ns = self.by_id(f"{node}/{inside.id}")
            if not isinstance(ns, NotCollected):
                yield ns

    def owner_of_mac(self, mac: str, hints: Iterable[Address]) -> Port | None:
        """The device on the underlay with this MAC, of a node or of a pod that has one of `hints`; nodes that
        have one are asked first."""
        for ns in self._hosts(mac, hints):
            for port in self._ports(ns):
                if port.mac == mac:
                    return port
        for hint in hints:
            for found in (self._nic_of_pod(hint), self.below_pod(hint)):
                if found is not None and found.mac == mac:
                    return found
        return None

    def _ports(self, ns: NetworkNamespace) -> Iterator[Port]:
        """Of a node, with the VLANs that are interfaces of their own."""
        yield from underlay_ports(ns)
        for device in ns.devices.values() if self.pods_in_underlay else ():
            lower = ns.devices.get(device.link)
            own = device.vlan is not None and device.link_netns == SAME_NAMESPACE
            if own and lower is not None and on_underlay(ns, lower):
                yield Port(ns, lower, device)

    def _nic_of_pod(self, address: Address) -> Port | None:
        """A pod's own, where the pod has one for itself."""
        pod = self.pod_of_address(address)
        ns = self.at(pod[0]) if pod is not None else None
        if ns is None or isinstance(ns, NotCollected):
            return None
        own = [entry.device for entry in ns.addresses if entry.address == address]
        return next((port for port in underlay_ports(ns) if port.device.index in own), None)

    def owner_of_address(self, address: Address) -> Port | None:
        """The node's device on the underlay that an address belongs to. Any address of the node counts (it
        hears questions for all of them, and IPv4 answers, arp_ignore=0), but no link-local one of another.
        """
        for ns in self._hosts(address, [address]):
            entry = ns.local_addresses.get(address)
            if entry is None:
                continue
            ports = list(underlay_ports(ns))
            own = [port for port in ports if port.device.index == entry.device]
            if own or (ports and not (address.version == 6 and address.is_link_local)):
                return (own or ports)[0]
        return self._nic_of_pod(address) or self.below_pod(address)

    def below_pod(self, address: Address, mac: str = "") -> Port | None:
        """The node's device that a pod's own is on top of, where the pod is on the underlay by it (macvlan,
        ipvlan, vlan) and has this MAC, if one is given."""
        pod = self.pod_of_address(address)
        ns = self.at(pod[0]) if pod is not None else None
        if ns is None or isinstance(ns, NotCollected) or address not in ns.local_addresses:
            return None
        device = ns.devices.get(ns.local_addresses[address].device)
        if device is None or device.kind not in UPPER_KINDS or device.link_netns == SAME_NAMESPACE:
            return None
        if mac and device.mac != mac:
            return None
        below = self.by_id(device.link_netns)
        lower = None if isinstance(below, NotCollected) else below.devices.get(device.link)
        if isinstance(below, NotCollected) or lower is None or not on_underlay(below, lower):
            return None
        return Port(below, lower, device if device.vlan is not None and self.pods_in_underlay else None)

    def before_pod(self, address: Address) -> Port | None:
        """The device on the underlay of the node that a pod's address is behind: only that node could answer
        for it, as a proxy. None where the underlay itself knows pods."""
        pod = None if self.pods_in_underlay else self.pod_of_address(address)
        ns = self.at(Place("node", pod[1])) if pod is not None and pod[1] else None
        return None if ns is None or isinstance(ns, NotCollected) else next(underlay_ports(ns), None)

    def door_of_pod(self, address: Address) -> Port | None:
        """The device on the underlay that an address of a pod is led to: the pod's own, or the one by which
        its node sends what comes from it, by the rule for the address or the main table's default route; else
        the only one."""
        own = self._nic_of_pod(address) or self.below_pod(address)
        if own is not None:
            return own
        pod = self.pod_of_address(address) if self.pods_in_underlay else None
        ns = self.at(Place("node", pod[1])) if pod is not None and pod[1] else None
        if ns is None or isinstance(ns, NotCollected):
            return None
        ports = {(port.branch or port.device).index: port for port in self._ports(ns)}
        tables = [rule.table for rule in ns.fib.rules(address.version) if rule.source == ip_network(address)]
        tables += [route.table for route in ns.routes if route.destination == ip_network(address)]
        for table in (*tables, TABLE_MAIN):
            found = ns.fib.table(address.version, table)
            for route in found.longest(0) if found is not None else ():
                for hop in route.nexthops:
                    if hop.device in ports and not route.destination.prefixlen:
                        return ports[hop.device]
        return next(iter(ports.values())) if len(ports) == 1 else None

    def no_door(self, address: Address) -> str:
        """Why `door_of_pod` finds none; empty: the underlay knows no such address."""
        pod = self.pod_of_address(address) if self.pods_in_underlay else None
        if pod is None or not pod[1]:
            return ""
        state = self.at(Place("node", pod[1]))
        if isinstance(state, NotCollected):
            return _uncollected(state)
        unread = gap.table_of(state, "links", "addresses", "routes")
        return unread or f"which device of {state.place} the nodes' network leads {address} to is not known"

    def unread_owner(self, *addresses: Address) -> str:
        """Why it is not known what the node does that has one of the addresses by the objects; empty: its
        state was read, or no node has them."""
        for address in addresses:
            name = self.node_of_address(address)
            state = self.at(Place("node", name)) if name is not None else None
            if isinstance(state, NotCollected):
                return _uncollected(state)
            if state is not None and (reason := gap.table_of(state, "links", "addresses")):
                return reason
        return ""

    def _hosts(self, owned: Address | str, hints: Iterable[Address]) -> Iterator[NetworkNamespace]:
        """Of the nodes that may have this address or MAC, those with one of `hints` first."""
        asked: set[str] = set()
        for name in self._names(owned, hints):
            if name in asked:
                continue
            asked.add(name)
            ns = self.at(Place("node", name))
            if not isinstance(ns, NotCollected):
                yield ns

    def _names(self, owned: Address | str, hints: Iterable[Address]) -> Iterator[str]:
        """Of nodes; some twice."""
        for hint in hints:
            name = self.node_of_address(hint)
            if name is not None:
                yield name
        mended = (ns.place.name for ns in self.mended.values() if ns.place.kind == "node")
        yield from sorted({*self.namespaces.nodes_with(owned), *mended})

    def _seen(self, answer: NetworkNamespace | NotCollected) -> NetworkNamespace | NotCollected:
        if isinstance(answer, NotCollected):
            self.missing[answer.what] = answer
            return answer
        return self.mended.get(answer.id, answer)


def _uncollected(state: NotCollected) -> str:
    return f"{state.what} was not collected: {state.reason or state.state}"


def _on_top(ns: NetworkNamespace, netns: str, index: int) -> list[Upper]:
    return [
        Upper(ns, device)
        for device in ns.devices.values()
        if device.kind in UPPER_KINDS and (device.link_netns or ns.id, device.link) == (netns, index)
    ]


def with_carrier(device: Device, carrier: bool) -> Device:
    """The device as the kernel shows it with or without carrier; a bridge port forwards only with one."""
    both = IFF_LOWER_UP | IFF_RUNNING
    flags = device.flags | both if carrier else device.flags & ~both
    port = device.port
    if port is not None:
        port = port._replace(state=BR_STATE_FORWARDING if carrier else BR_STATE_DISABLED)
    return replace(device, flags=flags, port=port)


def underlay_ports(ns: NetworkNamespace) -> Iterator[Port]:
    for device in ns.devices.values():
        if on_underlay(ns, device):
            yield Port(ns, device)


def on_underlay(ns: NetworkNamespace, device: Device) -> bool:
    """A NIC of a node or of a pod: physical, or a veth to the outside that has an address of its own. Of a
    node also one that lost its address, if it leads where one with an address does, or is the only way out.

    Of a pod a veth counts only beside one to its node: else the node's namespace may just not be recognised.
    """
    if ns.place.kind not in ("node", "pod") or device.loopback:
        return False
    if device.kind == "veth":
        if not _leads_outside(device):
            return False
        if any(entry.device == device.index for entry in ns.addresses):
            return ns.place.kind == "node" or _leads_to_node(ns)
        return ns.place.kind == "node" and (_is_beside_a_nic(ns, device) or _is_only_way_out(ns, device))
    return _is_physical(device)


def _is_physical(device: Device) -> bool:
    return device.kind in ("", "virtio_net", "hv_netvsc") and bool(device.mac) and not device.loopback


def _leads_outside(device: Device) -> bool:
    """A veth whose peer is in a namespace that was not collected."""
    return device.kind == "veth" and device.link_netns.startswith("unmapped")


def _is_beside_a_nic(ns: NetworkNamespace, device: Device) -> bool:
    """A veth to the same namespace as one that has an address."""
    beside = {other.index for other in ns.devices.values() if other.link_netns == device.link_netns}
    return any(entry.device in beside for entry in ns.addresses)


def _is_only_way_out(ns: NetworkNamespace, device: Device) -> bool:
    """A veth of a node without any other to a namespace that was not collected, and without a NIC."""
    others = (other for other in ns.devices.values() if other.index != device.index)
    return not device.master and not any(_leads_outside(other) or _is_physical(other) for other in others)


def _leads_to_node(ns: NetworkNamespace) -> bool:
    leads = (one.link_netns for one in ns.devices.values() if one.kind == "veth")
    return any(lead != SAME_NAMESPACE and not lead.startswith("unmapped") for lead in leads)
