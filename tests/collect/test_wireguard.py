"""WireGuard's messages, made by hand: the kernel of the tests need not have it. No key may get through."""

import hashlib
import struct
from ipaddress import ip_address

from kubectl_skoop.collect.netlink.message import NLA_F_NESTED, Message, pack_attribute
from kubectl_skoop.collect.wireguard import parse_device

PRIVATE, PUBLIC, PRESHARED, FUTURE = (bytes([number]) * 32 for number in (0xA1, 0xA2, 0xA3, 0xA4))
PEER_1, PEER_2 = bytes([0xB1]) * 32, bytes([0xB2]) * 32


def nest(kind: int, *attributes: bytes) -> bytes:
    return pack_attribute(kind | NLA_F_NESTED, b"".join(attributes))


def network(address: str, length: int) -> bytes:
    parsed = ip_address(address)
    family = struct.pack("=H", 2 if parsed.version == 4 else 10)
    fields = (pack_attribute(1, family), pack_attribute(2, parsed.packed), pack_attribute(3, bytes([length])))
    return nest(0, *fields)


def message(*attributes: bytes) -> Message:
    return Message(30, 0, 1, struct.pack("=BBH", 0, 1, 0) + b"".join(attributes))


def device_messages() -> list[Message]:
    first = nest(
        0,
        pack_attribute(1, PEER_1),
        pack_attribute(2, PRESHARED),
        pack_attribute(
            4, struct.pack("=H", 2) + struct.pack(">H4s8x", 51820, ip_address("192.0.2.1").packed)
        ),
        pack_attribute(5, struct.pack("=H", 25)),
        pack_attribute(6, struct.pack("=qq", 1700000000, 5)),
        pack_attribute(7, struct.pack("=Q", 1 << 40)),
        pack_attribute(8, struct.pack("=Q", 7)),
        nest(9, network("10.1.0.0", 16)),
        pack_attribute(99, FUTURE),
    )
    rest = nest(0, pack_attribute(1, PEER_1), nest(9, network("fd00::", 64)))
    second = nest(0, pack_attribute(1, PEER_2), pack_attribute(10, struct.pack("=I", 1)))
    return [
        message(
            pack_attribute(1, struct.pack("=I", 4)),
            pack_attribute(2, b"wg0\0"),
            pack_attribute(3, PRIVATE),
            pack_attribute(4, PUBLIC),
            pack_attribute(6, struct.pack("=H", 51871)),
            pack_attribute(7, struct.pack("=I", 0x1E00)),
            pack_attribute(77, FUTURE),
            nest(8, first),
        ),
        message(pack_attribute(2, b"wg0\0"), nest(8, rest, second)),
    ]


def test_a_peer_that_goes_on_in_the_next_message_is_one_and_keys_are_left_out() -> None:
    """Attributes that are not known are left out, too: they may hold keys."""
    assert parse_device(device_messages()) == {
        "ifindex": 4,
        "ifname": "wg0",
        "key_digest": hashlib.sha256(PUBLIC).hexdigest()[:16],
        "listen_port": 51871,
        "fwmark": 0x1E00,
        "peers": [
            {
                "key_digest": hashlib.sha256(PEER_1).hexdigest()[:16],
                "preshared": True,
                "endpoint": {"address": "192.0.2.1", "port": 51820},
                "keepalive": 25,
                "last_handshake": 1700000000,
                "received": 1 << 40,
                "sent": 7,
                "allowed": [
                    {"family": 2, "address": "10.1.0.0", "prefixlen": 16},
                    {"family": 10, "address": "fd00::", "prefixlen": 64},
                ],
            },
            {"key_digest": hashlib.sha256(PEER_2).hexdigest()[:16], "protocol_version": 1, "allowed": []},
        ],
    }


def test_an_attribute_of_a_wrong_size_is_left_out_not_kept_as_bytes() -> None:
    assert parse_device([message(pack_attribute(6, PRIVATE))]) == {"peers": []}
    assert parse_device([message(pack_attribute(4, PUBLIC[1:]))]) == {"peers": []}
