"""What plugins and providers are given: the source of all data, the objects, the options."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, TypeVar

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import NodeInfo, PodInfo
from kubectl_skoop.diagnosis.extension.given_networks import given_networks
from kubectl_skoop.diagnosis.extension.options import ConfigBinder, bind
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Fact
from kubectl_skoop.diagnosis.services import kube_proxy_config
from kubectl_skoop.diagnosis.walk.world import underlay_ports
from kubectl_skoop.model.errors import UnknownName
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Network
from kubectl_skoop.model.place import Place
from kubectl_skoop.netstack.device import SAME_NAMESPACE, Device, InterfaceAddress
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.source import Snapshot

if TYPE_CHECKING:
    from kubectl_skoop.diagnosis.extension.interface import Plugin
    from kubectl_skoop.diagnosis.policies.intent import Judging
    from kubectl_skoop.diagnosis.services.present import Present

BinderT = TypeVar("BinderT", bound=ConfigBinder)


@dataclass(eq=False, frozen=True, kw_only=True)
class Context:
    """What a plugin or provider is made with."""

    source: Snapshot
    cluster: Cluster
    options: Options = field(default_factory=Options)
    owner: str = ""
    """Name of the plugin or provider that it is for."""
    chosen: "Plugin | None" = field(default=None, repr=False)
    service_rules: "dict[tuple[str, int], Present]" = field(default_factory=dict, repr=False)
    """Those of the namespaces and families that were asked for last."""
    policies: "dict[frozenset[str], Judging]" = field(default_factory=dict, repr=False)
    """Those that may select something in the namespaces that were asked for last."""

    @property
    def plugin(self) -> "Plugin":
        """The plugin of this diagnosis, for a provider to put into its Network."""
        if self.chosen is None:
            raise RuntimeError("asked for the plugin while it is being chosen")
        return self.chosen

    def owned_by(self, name: str) -> "Context":
        return replace(self, owner=name)

    def config(self, binder: type[BinderT]) -> BinderT:
        """The owner's options. Raises: OptionError."""
        return bind(binder, self.owner, self.options.plugin)

    @cached_property
    def proxy_mode(self) -> Fact:
        """iptables, ipvs or nftables; the value is empty if it is not known. Raises: InputError."""
        return kube_proxy_config.proxy_mode(self.options.proxy_mode, self.cluster)

    @cached_property
    def given_service_networks(self) -> Sequence[Network]:
        """Those of services, where the user says so. Raises: InputError."""
        return given_networks("--service-cidr", self.options.service_cidr)

    @cached_property
    def given_pod_networks(self) -> Sequence[Network]:
        """Those of pods, where the user says so. Raises: InputError."""
        return given_networks("--cluster-cidr", self.options.cluster_cidr)

    def pod_cidrs_of(self, node: NodeInfo) -> Sequence[str]:
        """As its object says, but those beside the networks that the user gives."""
        given = self.given_pod_networks
        return [one for one in node.pod_cidrs if not given or _is_in(one, given)]

    @cached_property
    def cluster_cidr(self) -> Fact:
        """The networks of all pods, separated by commas; empty if they are not known. Raises: InputError."""
        given = ",".join(map(str, self.given_pod_networks))
        return kube_proxy_config.cluster_cidr(given, self.cluster)

    def node(self, name: str) -> NodeInfo | None:
        try:
            return self.cluster.node(name)
        except UnknownName:
            return None

    def pod(self, key: str) -> PodInfo | None:
        """By `namespace/name`."""
        try:
            return self.cluster.pod(key)
        except UnknownName:
            return None

    def pods_of(self, node: str) -> tuple[PodInfo, ...]:
        """Pods with a network namespace of their own that was collected on the node."""
        entry = self.source.node(node)
        if isinstance(entry, NotCollected):
            return ()
        keys = (key for namespace in entry.namespaces if namespace.kind == "pod" for key in namespace.pods)
        return tuple(pod for key in keys if (pod := self.pod(key)) is not None)

    def namespace(self, place: Place) -> NetworkNamespace | NotCollected:
        """The state of a node's host namespace, or of a pod's."""
        return self.source.namespace(place)

    def clock_ahead(self, node: str) -> float:
        """Seconds that the node's clock is ahead of the API server's; 0: as far as is known it is not."""
        entry = self.source.node(node)
        return 0.0 if isinstance(entry, NotCollected) else entry.facts.clock_offset or 0.0

    def host_device(self, pod: str, device: str = "eth0") -> Device | None:
        """The node's end of the veth of a pod (`namespace/name`); None: not collected, or no veth."""
        ns = self.namespace(Place("pod", pod))
        if isinstance(ns, NotCollected):
            return None
        inside = ns.device_by_name.get(device)
        if inside is None or inside.kind != "veth" or inside.link_netns == SAME_NAMESPACE:
            return None
        host = self.namespace(Place("node", ns.node))
        if isinstance(host, NotCollected) or host.id != inside.link_netns:
            return None
        return host.devices.get(inside.link)

    def device_with(self, place: Place, address: object) -> Device | None:
        """The device there that has the address; None: none has, or the place was not collected."""
        ns = self.namespace(place)
        if isinstance(ns, NotCollected):
            return None
        entry = ns.local_addresses.get(ip_address(str(address)))
        return None if entry is None else ns.devices.get(entry.device)

    def network_of(self, place: Place, address: object) -> Network | None:
        """The network that the address is in there, by its prefix length on its device."""
        ns = self.namespace(place)
        if isinstance(ns, NotCollected):
            return None
        entry = ns.local_addresses.get(ip_address(str(address)))
        return None if entry is None else ip_network((entry.address, entry.prefix), strict=False)

    def device(self, place: Place, name: str) -> Device | None:
        """By its name; None: there is none, or the place was not collected."""
        ns = self.namespace(place)
        return None if isinstance(ns, NotCollected) else ns.device_by_name.get(name)

    def devices(self, place: Place) -> tuple[Device, ...]:
        """All of a place; none if it was not collected."""
        ns = self.namespace(place)
        return () if isinstance(ns, NotCollected) else tuple(ns.devices.values())

    def nics(self, place: Place) -> tuple[Device, ...]:
        """A node's devices that lead out of it by themselves; none if it was not collected."""
        ns = self.namespace(place)
        return () if isinstance(ns, NotCollected) else tuple(port.device for port in underlay_ports(ns))

    def addresses(self, place: Place, device: Device) -> tuple[InterfaceAddress, ...]:
        """Those on a device there."""
        ns = self.namespace(place)
        if isinstance(ns, NotCollected):
            return ()
        return tuple(entry for entry in ns.addresses if entry.device == device.index)

    def device_by_index(self, place: Place, index: int) -> Device | None:
        """None: there is none, or the place was not collected."""
        ns = self.namespace(place)
        return None if isinstance(ns, NotCollected) else ns.devices.get(index)

    def largest_pod_mtu(self, node: str, device: str = "eth0") -> int | None:
        """Bytes; None: no pod of the node has such a device."""
        found = (self.device(Place("pod", pod.key), device) for pod in self.pods_of(node))
        return max((inside.mtu for inside in found if inside is not None), default=None)


def _is_in(written: str, networks: Sequence[Network]) -> bool:
    """A text that is no network is in none."""
    try:
        network = ip_network(written)
    except ValueError:
        return False
    return any(
        network.version == around.version and int(around[0]) <= int(network[0]) and network[-1] in around
        for around in networks
    )
