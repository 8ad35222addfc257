"""Calico as it is set up in this cluster."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from kubectl_skoop.api import (
    Address,
    Context,
    Device,
    NodeInfo,
    Place,
    PodInfo,
    Wishes,
    detection,
)
from kubectl_skoop.plugins.calico.bgp import Bgp, bgp_of
from kubectl_skoop.plugins.calico.family import FAMILIES, IPIP, IPIP_OVERHEAD, V4, Family
from kubectl_skoop.plugins.calico.felix import Felix, configurations, felix_of
from kubectl_skoop.plugins.calico.ipam import Blocks
from kubectl_skoop.plugins.calico.missing import no_annotation
from kubectl_skoop.plugins.calico.objects import Pool, node_address, pools_in, tunnel_addresses
from kubectl_skoop.plugins.calico.options import ENCRYPTED, CalicoOptions

BPF_INSIDE, BPF_OUTSIDE = "bpfin.cali", "bpfout.cali"
"""The veth that Felix's eBPF mode makes (felix/dataplane/linux/dataplanedefs)."""


@dataclass(frozen=True)
class Fabric:
    ctx: Context
    options: CalicoOptions
    routes: bool
    """Between nodes; with canal, flannel does that, and pods have addresses of the podCIDR."""
    pools: tuple[Pool, ...]
    blocks: Blocks
    bgp: Bgp

    @cached_property
    def felix(self) -> Felix:
        """What holds for all nodes."""
        return self._felix("")

    @cached_property
    def _configurations(self) -> Mapping[str, object]:
        return configurations(self.ctx)

    def felix_on(self, node: NodeInfo) -> Felix:
        return self._felix(node.name)

    def _felix(self, node: str) -> Felix:
        """Options stand above what the objects say, as the environment of calico-node does."""
        told, given = felix_of(self._configurations, node), self.options
        return replace(
            told,
            insert_mode=given.insert_mode or told.insert_mode,
            bpf=given.data_plane == "ebpf" if given.data_plane else told.bpf,
            wireguard=ENCRYPTED.get(given.wireguard, told.wireguard),
        )

    @cached_property
    def tunnel_ends(self) -> Mapping[Address, NodeInfo]:
        """Whose tunnel devices have which addresses: no other object tells."""
        return {address: node for node in self.ctx.cluster.nodes() for address in tunnel_addresses(node)}

    def bpf_on(self, node: NodeInfo) -> bool:
        """Felix's programs decide in place of rules; as it says, or as its devices show."""
        device = self.ctx.device(Place("node", node.name), BPF_INSIDE)
        return self.felix_on(node).bpf or (device is not None and not self.options.data_plane)

    def pool_of(self, address: Address) -> Pool | None:
        """The most specific one; a snapshot without pools has none."""
        fitting = [pool for pool in self.pools if address in pool.network]
        return max(fitting, key=lambda pool: pool.network.prefixlen, default=None)

    @cached_property
    def _addressed(self) -> Collection[Family]:
        """The IP versions of which some node tells its address: of none with Calico's own datastore."""
        nodes = self.ctx.cluster.nodes()
        return [family for family in FAMILIES if any(node_address(node, family) for node in nodes)]

    def unaddressed(self, node: NodeInfo, family: Family) -> Wishes:
        """A node that does not tell its address, as others do."""
        if family in self._addressed and node_address(node, family) is None:
            yield no_annotation(node, family.address, "no other node has a way to its pods without it")

    def tunnels(self, family: Family, kind: str) -> bool:
        """Some pool has this kind of tunnel."""
        return self.routes and any(pool.tunnel == kind and pool.family is family for pool in self.pools)

    def device_of(self, pod: PodInfo) -> str:
        """VethNameForWorkload (libcalico-go/lib/backend/k8s/conversion)."""
        digest = hashlib.sha1(f"{pod.namespace}.{pod.name}".encode(), usedforsecurity=False).hexdigest()
        return (self.options.interface_prefix or self.felix.prefix) + digest[:11]

    def uplink(self, node: NodeInfo | None, family: Family = V4) -> Device | None:
        """The device towards the other nodes."""
        if node is None:
            return None
        place = Place("node", node.name)
        if self.options.host_interface:
            return self.ctx.device(place, self.options.host_interface)
        address = node_address(node, family)
        return None if address is None else self.ctx.device_with(place, address.ip)

    def tunnel_mac(self, node: NodeInfo, family: Family) -> str:
        """As the node tells it, else as every Felix makes it of the node's name (vtepMACForHost)."""
        if told := node.annotations.get(family.vxlan_mac, ""):
            return told
        name = node.name if family is V4 else f"{node.name}-v6"
        digest = hashlib.sha1(name.encode(), usedforsecurity=False).digest()
        return (b"f" + digest[:5]).hex(":")

    def max_pod_mtu(self, pod: PodInfo) -> int | None:
        """What all of its packets to other nodes fit into, bytes; None: not known."""
        if self.options.pod_mtu:
            return self.options.pod_mtu
        names = {
            name
            for address in pod.addresses
            if (pool := self.pool_of(address)) is not None
            for name in self._ways(pool)
        }
        found = (self.ctx.device(Place("node", pod.node), name) for name in names)
        return min((device.mtu for device in found if device is not None), default=None)

    def _ways(self, pool: Pool) -> Iterable[str]:
        """Devices that all packets from the pool's pods to those of other nodes go by."""
        if pool.encapsulation == "Always":
            yield IPIP if pool.tunnel == "ipip" else pool.family.vxlan
        if pool.network.version in self.felix.wireguard:
            yield pool.family.wireguard

    def carried_mtu(self, node: NodeInfo) -> int | None:
        """What must fit through the uplink, bytes; None: nothing is known to."""
        place, names = Place("node", node.name), {IPIP: IPIP_OVERHEAD}
        names |= {family.vxlan: family.vxlan_overhead for family in FAMILIES}
        names |= {family.wireguard: family.wireguard_overhead for family in FAMILIES}
        found = [
            device.mtu + overhead
            for name, overhead in names.items()
            if (device := self.ctx.device(place, name)) is not None and device.up
        ]
        if not any(pool.encapsulation != "Never" for pool in self.pools):
            found += [mtu for mtu in [self.ctx.largest_pod_mtu(node.name)] if mtu is not None]
        return max(found, default=None)


def fabric_of(ctx: Context) -> Fabric:
    """Raises: OptionError."""
    options, bgp = ctx.config(CalicoOptions), bgp_of(ctx)
    return Fabric(
        ctx=ctx,
        options=options,
        routes=not detection.is_cni(ctx, "canal", ".*canal"),
        pools=tuple(pools_in(ctx.cluster.objects("IPPool"))),
        blocks=Blocks(ctx),
        bgp=replace(bgp, mesh=options.bgp_mesh == "on") if options.bgp_mesh else bgp,
    )
