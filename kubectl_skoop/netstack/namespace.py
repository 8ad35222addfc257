"""Everything that one network namespace knows, frozen as it was collected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.conntrack_types import ConntrackCut, ConntrackEntry, Expectation, Tuple
from kubectl_skoop.netstack.device import SAME_NAMESPACE, Device, InterfaceAddress
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.neighbours.neighbour_types import (
    FdbEntry,
    GroupMember,
    Neighbour,
    NeighbourTable,
)
from kubectl_skoop.netstack.netfilter.types import Netfilter
from kubectl_skoop.netstack.routing.table import Fib
from kubectl_skoop.netstack.routing.types import AddressLabel, PolicyRule, Route, RouteException
from kubectl_skoop.netstack.sysctl import Sysctls
from kubectl_skoop.netstack.xfrm.ipsec_tables import Ipsec

if TYPE_CHECKING:
    from kubectl_skoop.netstack.devices.fou_types import FouPort
    from kubectl_skoop.netstack.ipset import IpSet
    from kubectl_skoop.netstack.ipvs.service import VirtualService
    from kubectl_skoop.netstack.netfilter.recent import RecentLists


@dataclass(frozen=True, kw_only=True)
class NetworkNamespace:
    """One kernel network stack. Changed copies are made with `dataclasses.replace`."""

    id: str
    """`node/device:inode` of the namespace file: unique in a snapshot."""
    place: Place
    node: str
    devices: Mapping[int, Device] = field(default_factory=dict)
    addresses: tuple[InterfaceAddress, ...] = ()
    rules: tuple[PolicyRule, ...] = ()
    routes: tuple[Route, ...] = ()
    """Of every table and both families, in the order of the dump."""
    exceptions: tuple[RouteException, ...] = ()
    neighbours: tuple[Neighbour, ...] = ()
    neighbour_tables: Mapping[int, NeighbourTable] = field(default_factory=dict)
    """By family, 4 or 6; empty: not collected."""
    fdb: tuple[FdbEntry, ...] = ()
    groups: tuple[GroupMember, ...] = ()
    netfilter: Netfilter = field(default_factory=Netfilter)
    ipsets: Mapping[str, "IpSet"] = field(default_factory=dict)
    recent: "RecentLists | None" = None
    """Lists of the iptables match `recent`; None: not collected."""
    ipvs: "tuple[VirtualService, ...]" = ()
    ipsec: Ipsec = field(default_factory=Ipsec)
    fou: "tuple[FouPort, ...] | None" = None
    """None: not collected."""
    conntrack: Sequence[ConntrackEntry] = ()
    conntrack_cut: ConntrackCut | None = None
    """None: all entries are there."""
    expectations: tuple[Expectation, ...] | None = ()
    """None: an older agent did not ask for them."""
    address_labels: tuple[AddressLabel, ...] | None = None
    """None: those that every namespace begins with."""
    sockets: tuple[Socket, ...] = ()
    sysctls: Sysctls = field(default_factory=lambda: Sysctls({}))
    collected: float = 0.0
    """When the rules were read, seconds since the epoch; 0: not known."""
    gaps: Mapping[str, str] = field(default_factory=dict)
    """Tables that could not be read, by their section's name, with the reason."""
    remembered: dict[tuple[object, ...], object] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    """Of `netstack.remembered`; a changed copy begins anew."""

    @cached_property
    def device_by_name(self) -> Mapping[str, Device]:
        return {device.name: device for device in self.devices.values()}

    @cached_property
    def vrfs(self) -> Mapping[int, Device]:
        """The VRF devices, by index."""
        return {index: device for index, device in self.devices.items() if device.kind == "vrf"}

    @cached_property
    def local_addresses(self) -> Mapping[Address, InterfaceAddress]:
        return {entry.address: entry for entry in self.addresses}

    @cached_property
    def broadcasts(self) -> frozenset[tuple[int, Address]]:
        """Broadcast addresses, each with the index of its device."""
        return frozenset((entry.device, entry.broadcast) for entry in self.addresses if entry.broadcast)

    @cached_property
    def neighbour_by_key(self) -> Mapping[tuple[int, Address], Neighbour]:
        return {(entry.device, entry.address): entry for entry in self.neighbours if not entry.proxy}

    @cached_property
    def addresses_by_mac(self) -> Mapping[tuple[int, str], Sequence[Address]]:
        """Whom the table of neighbours believes to be at a MAC, by index of the device and that."""
        found: dict[tuple[int, str], list[Address]] = {}
        for entry in self.neighbours:
            if not entry.proxy:
                found.setdefault((entry.device, entry.mac), []).append(entry.address)
        return found

    @cached_property
    def vxlans(self) -> Sequence[Device]:
        return [device for device in self.devices.values() if device.vxlan is not None]

    @cached_property
    def bridge_fdb(self) -> Mapping[tuple[int, int, str], Sequence[FdbEntry]]:
        """By index of the bridge, VLAN and MAC."""
        found: dict[tuple[int, int, str], list[FdbEntry]] = {}
        for entry in self.fdb:
            found.setdefault((entry.bridge, entry.vlan, entry.mac), []).append(entry)
        return found

    @cached_property
    def fdb_by_key(self) -> Mapping[tuple[int, str], Sequence[FdbEntry]]:
        """By index of the device and MAC."""
        found: dict[tuple[int, str], list[FdbEntry]] = {}
        for entry in self.fdb:
            found.setdefault((entry.port, entry.mac), []).append(entry)
        return found

    @cached_property
    def conntrack_by_tuple(self) -> Mapping[tuple[int, Tuple], ConntrackEntry]:
        """By zone and the tuple of either direction."""
        originals = {(entry.zone, entry.original): entry for entry in self.conntrack}
        return {(entry.zone_of_replies, entry.reply): entry for entry in self.conntrack} | originals

    @cached_property
    def helped(self) -> Sequence[ConntrackEntry]:
        """Connections that a helper reads."""
        return [entry for entry in self.conntrack if entry.helper]

    @cached_property
    def conntrack_by_flow(self) -> Mapping[tuple[Address, Address, int, int], Sequence[ConntrackEntry]]:
        """By source, destination, protocol and destination port of the original direction."""
        found: dict[tuple[Address, Address, int, int], list[ConntrackEntry]] = {}
        for entry in self.conntrack:
            original = entry.original
            key = original.src, original.dst, original.protocol, original.dport
            found.setdefault(key, []).append(entry)
        return found

    @cached_property
    def sockets_by_port(self) -> Mapping[tuple[int, int], Sequence[Socket]]:
        """By protocol and own port, in the kernel's order."""
        found: dict[tuple[int, int], list[Socket]] = {}
        for socket in self.sockets:
            found.setdefault((socket.protocol, socket.port), []).append(socket)
        return found

    @cached_property
    def ports_by_remote(self) -> Mapping[tuple[int, Address, int], frozenset[int]]:
        """Own ports of connected sockets, by protocol and the other end."""
        found: dict[tuple[int, Address, int], set[int]] = {}
        for socket in self.sockets:
            if socket.remote is not None:
                found.setdefault((socket.protocol, socket.remote, socket.remote_port), set()).add(socket.port)
        return {end: frozenset(ports) for end, ports in found.items()}

    @cached_property
    def devices_on_top(self) -> Mapping[int, Sequence[Device]]:
        """By index of the device below (IFLA_LINK), those of this namespace."""
        found: dict[int, list[Device]] = {}
        for device in self.devices.values():
            if device.link_netns == SAME_NAMESPACE and device.link not in (0, device.index):
                found.setdefault(device.link, []).append(device)
        return found

    @cached_property
    def fib(self) -> Fib:
        """The routes and policy rules, indexed for lookups."""
        return Fib(self.routes, self.rules)

    @cached_property
    def _addresses_by_device(self) -> Mapping[tuple[int, int], list[InterfaceAddress]]:
        found: dict[tuple[int, int], list[InterfaceAddress]] = {}
        for entry in self.addresses:
            found.setdefault((entry.address.version, entry.device), []).append(entry)
        return found

    def addresses_of(self, family: int, device: int) -> Sequence[InterfaceAddress]:
        """Of one device, in kernel order; `family` 4 or 6."""
        return self._addresses_by_device.get((family, device), ())

    def device_name(self, index: int) -> str:
        device = self.devices.get(index)
        return device.name if device else f"if{index}"
