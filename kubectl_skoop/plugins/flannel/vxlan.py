"""Pods' packets in UDP, by a vxlan device for each IP version (pkg/backend/vxlan)."""

from collections.abc import Iterable, Iterator

from kubectl_skoop.api import NodeInfo, Packet, Wishes, expect, raw
from kubectl_skoop.plugins.flannel.backend import Backend, Peer, Tunnel, joins, told_by
from kubectl_skoop.plugins.flannel.findings import no_annotation
from kubectl_skoop.plugins.flannel.settings import (
    FAMILIES,
    V4,
    V6,
    Family,
    backend_data,
    pod_network,
    public_ip_of,
)

PREFIXES = {V4: "flannel.", V6: "flannel-v6."}
OVERHEAD = {V4: 50, V6: 70}
"""Inner Ethernet 14, vxlan 8, UDP 8, IPv4 20 or IPv6 40."""


def vtep_mac(node: NodeInfo, family: Family) -> str:
    """Empty: not told."""
    return raw.text(backend_data(node, family), "vtepmac")


class Vxlan(Backend):
    __slots__ = ()

    def device(self, family: Family) -> str:
        return f"{PREFIXES[family]}{self.fabric.net.vni}"

    def tunnels(self) -> Iterator[Tunnel]:
        for family in FAMILIES:
            yield Tunnel(self.device(family), OVERHEAD[family])

    def own(self, families: Iterable[Family]) -> Wishes:
        for family in families:
            yield from self._vtep(family)

    def _vtep(self, family: Family) -> Wishes:
        net, name = self.fabric.net, self.device(family)
        public_ip, network = public_ip_of(self.node, family), pod_network(self.node, family)
        uplink = self.fabric.uplink(self.node, family)
        because = "flanneld makes it when it starts"
        told = f"and tells its MAC by the annotation {family.backend_data}"
        yield expect.device(
            name,
            kind="vxlan",
            up=True,
            vni=net.vni,
            port=net.port_of("vxlan"),
            local=public_ip if uplink is not None else None,
            mac=vtep_mac(self.node, family),
            because=f"{because}, {told}",
        )
        if family is V4:
            yield expect.forwarding(name)
        if network is not None:
            address = f"{network.network_address}/{network.max_prefixlen}"
            yield expect.address(name, address, because=because)

    def way(self, peer: Peer, packet: Packet) -> Wishes:
        return self.plain_route(peer, packet) if self.directly(peer) else self._through(peer, packet)

    def _through(self, peer: Peer, packet: Packet) -> Wishes:
        device, vtep = self.device(peer.family), peer.network.network_address
        mac = vtep_mac(peer.node, peer.family)
        yield expect.route(
            peer.network,
            dev=device,
            via=vtep,
            onlink=True,
            carries=packet.dst,
            source=packet.src,
            because=joins(peer),
        )
        if not mac:
            yield no_annotation(peer.node, peer.family.backend_data)
            return
        yield expect.neighbour(vtep, dev=device, mac=mac, because=told_by(peer))
        yield expect.fdb(mac, dev=device, dst=peer.public_ip, because=told_by(peer))
