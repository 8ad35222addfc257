"""Settings of WireGuard devices (include/uapi/linux/wireguard.h)."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Address, Network


class WireguardPeer(NamedTuple):
    """WGPEER_A_*"""

    key: str
    """Digest of its public key; empty: not collected."""
    endpoint: tuple[Address, int] | None = None
    """Where it was last heard, or is told to be; None: nobody knows yet."""
    allowed: tuple[Network, ...] = ()
    """What is sent to it, and what it may send from (allowed IPs)."""
    keepalive: int = 0
    """Seconds; 0: off."""
    handshake: int = 0
    """When the last one was made, seconds since the epoch; 0: never."""
    preshared: bool = False


class Wireguard(NamedTuple):
    """WGDEVICE_A_*"""

    key: str
    """Digest of its own public key; empty: it has no private key, or it was not collected."""
    port: int = 0
    """UDP port that it listens on, host order."""
    mark: int = 0
    """Of its packets."""
    peers: tuple[WireguardPeer, ...] = ()

    @property
    def keys_known(self) -> bool:
        """Digests were collected."""
        return bool(self.key) or any(peer.key for peer in self.peers)
