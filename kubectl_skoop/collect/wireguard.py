"""WireGuard devices and their peers (include/uapi/linux/wireguard.h), without any key.

A digest of a public key says which are the same.

Only attributes that are named here are kept: what a newer kernel adds may be a key, too.
"""

import hashlib
import struct
from collections.abc import Iterable, Iterator, Sequence
from socket import AF_INET, inet_ntop

from kubectl_skoop.collect.netlink.generic import HEADER, family_number
from kubectl_skoop.collect.netlink.message import Message, pack_attribute, split_attributes
from kubectl_skoop.collect.netlink.schema import (
    Fields,
    Schema,
    address,
    read_attributes,
    schema,
    text,
    u8,
    u16,
    u32,
    u64,
)
from kubectl_skoop.collect.netlink.socket import NetlinkSocket

WG_CMD_GET_DEVICE, WGDEVICE_A_IFINDEX, WGDEVICE_A_PEERS = 0, 1, 8
WGPEER_A_PUBLIC_KEY, WGPEER_A_ALLOWEDIPS = 1, 9
KEY_LENGTH = 32
"""WG_KEY_LEN, bytes."""


def endpoint(payload: bytes) -> object:
    """struct sockaddr_in or sockaddr_in6."""
    family, port = struct.unpack_from("=H", payload)[0], struct.unpack_from(">H", payload, 2)[0]
    host = payload[4:8] if family == AF_INET else payload[8:24]
    return {"address": inet_ntop(family, host), "port": port}


def seconds(payload: bytes) -> object:
    """struct __kernel_timespec, without the nanoseconds."""
    return struct.unpack("=qq", payload)[0]


def digest(payload: bytes) -> object:
    """Of a public key: as good as the key to tell peers apart. Raises: ValueError."""
    return hashlib.sha256(_key(payload)).hexdigest()[:16]


def is_set(payload: bytes) -> object:
    """Of a preshared key: whether there is one. Raises: ValueError."""
    return any(_key(payload))


def _key(payload: bytes) -> bytes:
    if len(payload) != KEY_LENGTH:
        raise ValueError(f"a key of {len(payload)} bytes")
    return payload


_DEVICE = schema(
    (1, "ifindex", u32),
    (2, "ifname", text),
    (4, "key_digest", digest),
    (6, "listen_port", u16),
    (7, "fwmark", u32),
)
_PEER = schema(
    (1, "key_digest", digest),
    (2, "preshared", is_set),
    (4, "endpoint", endpoint),
    (5, "keepalive", u16),
    (6, "last_handshake", seconds),
    (7, "received", u64),
    (8, "sent", u64),
    (10, "protocol_version", u32),
)
_ALLOWED = schema((1, "family", u16), (2, "address", address), (3, "prefixlen", u8))


def read_wireguard(socket: NetlinkSocket, devices: Sequence[int]) -> list[Fields]:
    """Each device with `peers`, and `allowed` of each peer. The module must be there: asking would load it.

    Raises: as `NetlinkSocket.dump`; MalformedMessage.
    """
    if not devices:
        return []
    family = family_number(socket, "wireguard")
    request = HEADER.pack(WG_CMD_GET_DEVICE, 1)
    return [
        parse_device(
            socket.dump(family, request + pack_attribute(WGDEVICE_A_IFINDEX, struct.pack("=I", index)))
        )
        for index in devices
    ]


def parse_device(messages: Iterable[Message]) -> Fields:
    """One device: its list of peers, and the addresses of one peer, may go on in the next message.

    Raises:
        MalformedMessage: a length that does not fit.
    """
    device: Fields = {}
    peers: dict[bytes, Fields] = {}
    allowed: dict[bytes, list[Fields]] = {}
    for message in messages:
        device = _known(message.payload[HEADER.size :], _DEVICE) | device
        for key, payload, networks in _peers(message.payload):
            peers[key] = _known(payload, _PEER) | peers.get(key, {})
            allowed.setdefault(key, []).extend(networks)
    device["peers"] = [{**peer, "allowed": allowed[key]} for key, peer in peers.items()]
    return device


def _peers(message: bytes) -> Iterator[tuple[bytes, bytes, list[Fields]]]:
    """The public key only joins the parts of one peer."""
    for kind, peers in split_attributes(message, HEADER.size):
        if kind != WGDEVICE_A_PEERS:
            continue
        for _, peer in split_attributes(peers):
            attributes = dict(split_attributes(peer))
            networks = split_attributes(attributes.get(WGPEER_A_ALLOWEDIPS, b""))
            key = attributes.get(WGPEER_A_PUBLIC_KEY, b"")
            yield key, peer, [_known(network, _ALLOWED) for _, network in networks]


def _known(payload: bytes, wanted: Schema) -> Fields:
    """What `wanted` names, and nothing else."""
    names = {attribute.name for attribute in wanted.values()}
    fields = read_attributes(payload, wanted)
    return {name: value for name, value in fields.items() if name in names}
