"""A peer of a WireGuard device."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, differs, missing
from kubectl_skoop.model.packet import Address, Network
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices.wireguard_types import Wireguard, WireguardPeer
from kubectl_skoop.netstack.namespace import NetworkNamespace


@dataclass(frozen=True, slots=True, kw_only=True)
class WireguardPeerExpectation(Expectation):
    """Not compared where the device is missing, or peers' keys were not collected: that is another matter."""

    table: ClassVar[str] = "wireguard-peer"
    sections: ClassVar[tuple[str, ...]] = ("links", "wireguard")

    dev: str
    peer: str
    """Digest of its public key."""
    endpoint: tuple[Address, int]
    allowed: Network
    """A network that no other peer may have, either."""

    @property
    def key(self) -> str:
        return f"the peer for {self.endpoint[0]} of {self.dev}"

    @property
    def device(self) -> str:
        return self.dev

    @property
    def want(self) -> str:
        return _line(WireguardPeer(key=self.peer, endpoint=self.endpoint, allowed=(self.allowed,)))

    def find(self, ns: NetworkNamespace) -> Sequence[WireguardPeer]:
        found = self._settings(ns)
        return () if found is None else [peer for peer in found.peers if peer.key == self.peer]

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        settings = self._settings(ns)
        if settings is None or not settings.keys_known:
            return None
        found = self.find(ns)
        if not found:
            return missing(self, [_line(peer) for peer in settings.peers])
        peer, texts = found[0], [_line(found[0])]
        if peer.endpoint != self.endpoint:
            return differs(self, f"is asked at {_end(peer.endpoint)}, not at {_end(self.endpoint)}", texts)
        if not any(_inside(self.allowed, network) for network in peer.allowed):
            others = [_line(other) for other in settings.peers if self.allowed in other.allowed]
            return differs(self, f"may not have {self.allowed} (allowed IPs)", [*texts, *others])
        return None

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        device, settings = self._device(ns), self._settings(ns)
        if device is None or settings is None:
            return None
        known = self.find(ns)
        own = known[0] if known else WireguardPeer(key=self.peer)
        allowed = tuple(dict.fromkeys((*own.allowed, self.allowed)))
        others = tuple(
            peer._replace(allowed=tuple(network for network in peer.allowed if network != self.allowed))
            for peer in settings.peers
            if peer.key != self.peer
        )
        peers = (*others, own._replace(endpoint=self.endpoint, allowed=allowed))
        changed = replace(device, wireguard=settings._replace(peers=peers))
        return replace(ns, devices={**ns.devices, device.index: changed})

    def _device(self, ns: NetworkNamespace) -> Device | None:
        return ns.device_by_name.get(self.dev)

    def _settings(self, ns: NetworkNamespace) -> Wireguard | None:
        device = self._device(ns)
        return None if device is None else device.wireguard


def _inside(small: Network, large: Network) -> bool:
    return small.version == large.version and int(large[0]) <= int(small[0]) <= int(small[-1]) <= int(
        large[-1]
    )


def _end(endpoint: tuple[Address, int] | None) -> str:
    if endpoint is None:
        return "nowhere"
    address, port = endpoint
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"


def _line(peer: WireguardPeer) -> str:
    """As `wg` shows it, with the key's digest."""
    allowed = ", ".join(map(str, peer.allowed)) or "none"
    return f"peer {peer.key or '(key not collected)'} endpoint {_end(peer.endpoint)} allowed ips {allowed}"
