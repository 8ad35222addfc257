"""WireGuard devices by index."""

from kubectl_skoop.model.packet import Network
from kubectl_skoop.netstack.devices.wireguard_types import Wireguard, WireguardPeer
from kubectl_skoop.snapshot.decode.entry import Entry, entries


def decode_wireguard(data: object) -> dict[int, Wireguard]:
    """Raises: FormatError."""
    return {entry.number("ifindex"): _device(entry) for entry in entries(data, "$.wireguard")}


def _device(entry: Entry) -> Wireguard:
    return Wireguard(
        key=entry.text("key_digest", ""),
        port=entry.number("listen_port", 0),
        mark=entry.number("fwmark", 0),
        peers=tuple(_peer(peer) for peer in entry.entries("peers")),
    )


def _peer(entry: Entry) -> WireguardPeer:
    endpoint = entry.entry("endpoint")
    return WireguardPeer(
        key=entry.text("key_digest", ""),
        endpoint=(endpoint.address("address"), endpoint.number("port")) if endpoint.fields else None,
        allowed=tuple(_allowed(network) for network in entry.entries("allowed")),
        keepalive=entry.number("keepalive", 0),
        handshake=entry.number("last_handshake", 0),
        preshared=entry.flag("preshared"),
    )


def _allowed(entry: Entry) -> Network:
    return entry.network("address", "prefixlen", entry.family())
