"""Calico: a host route for each pod; between nodes BGP, or tunnels of Felix (projectcalico/calico).

Every cluster asks whether it is there; what it does is loaded where it is.
"""

from collections.abc import Iterable
from typing import ClassVar

from kubectl_skoop.api import (
    BasePluginNode,
    ConfigBinder,
    Context,
    Detected,
    NetNodeAction,
    NodeInfo,
    Plugin,
    PodInfo,
    Setting,
    SimpleVethPod,
    Wants,
    detection,
)
from kubectl_skoop.plugins.calico.family import FAMILIES, V4, V6
from kubectl_skoop.plugins.calico.kept import KINDS, REFLECTOR
from kubectl_skoop.plugins.calico.options import CalicoOptions

_OF_FAMILIES = tuple(
    annotation
    for family in FAMILIES
    for annotation in (
        family.address,
        family.ipip_address,
        family.vxlan_address,
        family.vxlan_mac,
        family.wireguard_address,
        family.wireguard_key,
    )
    if annotation
)


_FELIX = "FelixConfigurations"


class Calico(Plugin):
    name: ClassVar[str] = "calico"
    options: ClassVar[type[ConfigBinder]] = CalicoOptions
    wants: ClassVar[Wants] = Wants(kinds=KINDS, annotations=(*_OF_FAMILIES, REFLECTOR))
    enforces: ClassVar[frozenset[str]] = frozenset(
        {
            "NetworkPolicy",
            "networkpolicies.projectcalico.org",
            "globalnetworkpolicies.projectcalico.org",
            "hostendpoints.projectcalico.org",
            "AdminNetworkPolicy",
            "BaselineAdminNetworkPolicy",
            "ClusterNetworkPolicy",
        }
    )

    def __init__(self, ctx: Context) -> None:
        from kubectl_skoop.plugins.calico.fabric import fabric_of

        self.ctx = ctx
        self.fabric = fabric_of(ctx)
        self.pods_in_underlay = self.fabric.routes and self._routers_know_pods()

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return detection.by_daemon_set(ctx, cls.name, "calico-node.*")

    @classmethod
    def guess(cls, ctx: Context) -> Detected | None:
        return detection.by_device(
            ctx, cls.name, lambda device: device.kind == "veth" and device.name.startswith("cali")
        )

    def settings(self) -> Iterable[Setting]:
        felix, bgp, given = self.fabric.felix, self.fabric.bgp, self.fabric.options
        for pool in self.fabric.pools:
            words = [f"{pool.network}, blocks /{pool.block_size}"]
            words.append(f"{pool.tunnel} {pool.encapsulation}" if pool.tunnel else "no encapsulation")
            words += ["natOutgoing"] if pool.nat_outgoing else []
            words += ["disabled"] if pool.disabled else []
            yield Setting("calico: pool", ", ".join(words), "IPPools")
        if not self.fabric.pools:
            yield Setting("calico: pool", "", "no IPPool was collected")
        mesh = "between all nodes" if bgp.mesh else "not between all nodes"
        peers = f", BGPPeers: {', '.join(one.name for one in bgp.peerings)}" if bgp.peerings else ""
        source = "BGPConfigurations and BGPPeers" if peers else "BGPConfigurations"
        if self.fabric.routes:
            yield _setting("BGP", mesh + peers, given.bgp_mesh, source, "calico-bgp-mesh")
        else:
            source = "--network-plugin" if self.ctx.options.network_plugin else "a DaemonSet …canal"
            yield Setting("calico: BGP", "off: canal", source, "network-plugin")
        behind = felix.insert_mode.lower() == "append"
        place = "behind those of others" if behind else "in front of those of others"
        yield _setting("rules", place, given.insert_mode, _FELIX, "calico-insert-mode")
        shown = self._bpf_shows()
        source = _FELIX if felix.bpf or shown is None else shown.source
        plane = "eBPF" if felix.bpf or shown else "iptables"
        yield _setting("data plane", plane, given.data_plane, source, "calico-data-plane")
        versions = ", ".join(f"IPv{version}" for version in sorted(felix.wireguard))
        yield _setting("WireGuard", versions or "off", given.wireguard, _FELIX, "calico-wireguard")

    def serves_services(self) -> bool:
        return self.fabric.felix.bpf or self._bpf_shows() is not None

    def create_pod(self, pod: PodInfo) -> NetNodeAction:
        from kubectl_skoop.plugins.calico.pods import HOST_MAC

        return SimpleVethPod(
            pod,
            gateway=V4.gateway,
            gateway6=V6.gateway,
            gateway_mac=HOST_MAC,
            max_mtu=self.fabric.max_pod_mtu(pod),
        )

    def create_node(self, node: NodeInfo) -> NetNodeAction:
        from kubectl_skoop.plugins.calico.node import CalicoNode

        return BasePluginNode(node, CalicoNode(self.fabric, node), self.ctx.cluster)

    def _bpf_shows(self) -> Detected | None:
        """The device that eBPF mode makes: the environment of calico-node may have turned it on, too."""
        from kubectl_skoop.plugins.calico.fabric import BPF_INSIDE

        if self.fabric.options.data_plane:
            return None
        return detection.by_device(self.ctx, self.name, lambda device: device.name == BPF_INSIDE)

    def _routers_know_pods(self) -> bool:
        """Without a tunnel, nodes of several networks reach each other's pods by routers that speak BGP."""
        from kubectl_skoop.plugins.calico.objects import node_address

        for family in FAMILIES:
            plain = any(pool.encapsulation == "Never" and pool.family is family for pool in self.fabric.pools)
            nodes = self.ctx.cluster.nodes() if plain else ()
            own = {address.network for node in nodes if (address := node_address(node, family)) is not None}
            if len(own) > 1:
                return True
        return False


def _setting(name: str, value: str, given: str, source: str, option: str) -> Setting:
    """`given`: what the option says; empty: it is not given."""
    return Setting(f"calico: {name}", value, f"--{option}" if given else source, option)
