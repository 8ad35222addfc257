"""Pods' packets sealed by WireGuard: one device for each IP version, or one for both (pkg/backend/wireguard).

Nodes know each other by public keys, which each tells by its annotation.
"""

from base64 import b64decode
from collections.abc import Iterable, Iterator

from kubectl_skoop.api import IpNetwork, NodeInfo, Packet, Wishes, expect, key_digest, raw
from kubectl_skoop.plugins.flannel.backend import Backend, Peer, Tunnel, told_by
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

DEVICE, DEVICE6 = "flannel-wg", "flannel-wg-v6"
PORT6 = 51821
"""Of the device for IPv6, where nothing else is said."""
OVERHEAD = {V4: 60, V6: 80}
"""IPv4 20 or IPv6 40, UDP 8, WireGuard's header 16 and seal 16."""


def digest_of(node: NodeInfo, family: Family) -> str:
    """Of the node's public key; empty: it is not told. A redacted snapshot has the digest itself."""
    told = backend_data(node, family)
    try:
        key = b64decode(raw.text(told, "publickey"), validate=True)
    except ValueError:
        return ""
    return key_digest(key) if key else raw.text(told, "keydigest")


class Wireguard(Backend):
    __slots__ = ()

    @property
    def separate(self) -> bool:
        return self.fabric.net.mode.lower() == "separate"

    def device(self, family: Family) -> str:
        return DEVICE6 if family is V6 and self.separate else DEVICE

    def port(self, family: Family) -> int:
        net = self.fabric.net
        return net.port6 or PORT6 if family is V6 and self.separate else net.port_of("wireguard")

    def tunnels(self) -> Iterator[Tunnel]:
        for family in FAMILIES:
            yield Tunnel(self.device(family), OVERHEAD[self._outer(self.node, family)])

    def own(self, families: Iterable[Family]) -> Wishes:
        for family in families:
            yield from self._device(family)

    def _device(self, family: Family) -> Wishes:
        name, network = self.device(family), pod_network(self.node, family)
        because = (
            f"flanneld makes it when it starts, and tells its key by the annotation {family.backend_data}"
        )
        yield expect.device(
            name,
            kind="wireguard",
            up=True,
            port=self.port(family),
            key=digest_of(self.node, family),
            because=because,
        )
        if family is V4:
            yield expect.forwarding(name)
        if network is not None:
            yield expect.address(name, f"{network.network_address}/{network.max_prefixlen}", because=because)

    def way(self, peer: Peer, packet: Packet) -> Wishes:
        device, everywhere = self.device(peer.family), self.fabric.net.network(peer.family)
        if everywhere is not None:
            yield expect.route(
                everywhere,
                dev=device,
                scope="link" if peer.family is V4 else "",
                carries=packet.dst,
                source=packet.src,
                because="flanneld adds it for the pods of all nodes when it starts",
            )
        digest = digest_of(peer.node, peer.family)
        if not digest:
            yield no_annotation(peer.node, peer.family.backend_data)
            return
        outer = self._outer(peer.node, peer.family)
        for network in self._networks(peer):
            yield expect.wireguard_peer(
                device,
                digest,
                endpoint=public_ip_of(peer.node, outer) or peer.public_ip,
                port=raw.number(backend_data(peer.node, outer), "port") or self.port(outer),
                allowed=network,
                because=told_by(peer),
            )

    def _networks(self, peer: Peer) -> list[IpNetwork]:
        if self.separate:
            return [peer.network]
        return [own for family in FAMILIES if (own := pod_network(peer.node, family)) is not None]

    def _outer(self, peer: NodeInfo, family: Family) -> Family:
        """Which IP version the packets to a node are in (network.selectMode)."""
        if self.separate:
            return family
        match self.fabric.net.mode.lower():
            case "ipv4":
                return V4
            case "ipv6":
                return V6
        v4, v6, mine = public_ip_of(peer, V4), public_ip_of(peer, V6), public_ip_of(self.node, V6)
        if v6 is None or mine is None or (v4 is not None and not v4.is_private):
            return V4
        return V4 if v6.is_private or mine.is_private else V6
