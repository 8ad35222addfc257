"""Options of team devices, as messages made by hand: the kernel of the tests need not have the kind."""

import struct

from kubectl_skoop.collect.netlink.message import NLA_F_NESTED, Message, pack_attribute
from kubectl_skoop.collect.team import NLA_FLAG, NLA_STRING, NLA_U32, options

BINARY = 11


def option(name: str, kind: int, data: bytes | None, *more: bytes) -> bytes:
    fields = [pack_attribute(1, name.encode() + b"\0"), pack_attribute(3, bytes([kind])), *more]
    if data is not None:
        fields.append(pack_attribute(4, data))
    return pack_attribute(1 | NLA_F_NESTED, b"".join(fields))


def message(*listed: bytes) -> Message:
    index = pack_attribute(1, struct.pack("=I", 4))
    return Message(30, 0, 1, struct.pack("=BBxx", 2, 1) + index + pack_attribute(2, b"".join(listed)))


def test_options_of_the_device_and_of_its_ports() -> None:
    port, element = (pack_attribute(kind, struct.pack("=I", 3)) for kind in (6, 7))
    told = options(
        [
            message(
                option("mode", NLA_STRING, b"activebackup\0"),
                option("activeport", NLA_U32, struct.pack("=I", 3)),
                option("bpf_hash_func", BINARY, b"secret"),
                option("lb_hash_stats", BINARY, b"\1", element),
            ),
            message(
                option("enabled", NLA_FLAG, b"", port),
                option("user_linkup", NLA_FLAG, None, port),
                option("queue_id", NLA_U32, b"\0", port),
            ),
        ]
    )
    assert list(told) == [
        {"name": "mode", "value": "activebackup"},
        {"name": "activeport", "value": 3},
        {"name": "bpf_hash_func"},
        {"name": "enabled", "port": 3, "value": True},
        {"name": "user_linkup", "port": 3, "value": False},
        {"name": "queue_id", "port": 3},
    ]
