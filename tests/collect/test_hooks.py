"""NFNLA_HOOK_CHAIN_INFO, made by hand: the kernel of the tests need not have nfnetlink_hook."""

import struct

import pytest

from kubectl_skoop.collect.netlink.message import pack_attribute
from kubectl_skoop.collect.nfnetlink.hooks import chain

NAME = pack_attribute(1, b"filter\0") + pack_attribute(2, bytes([2])) + pack_attribute(3, b"input\0")


@pytest.mark.parametrize(
    ("kind", "description", "wanted"),
    [
        (1, NAME, {"table": "filter", "family": 2, "name": "input"}),
        (2, pack_attribute(1, struct.pack(">I", 7)), {"program": 7}),
        (3, NAME, {"table": "filter", "family": 2, "name": "input"}),
    ],
    ids=["a chain of nftables", "a BPF program", "a flowtable"],
)
def test_a_description_is_read_by_its_type(kind: int, description: bytes, wanted: object) -> None:
    payload = pack_attribute(1, description) + pack_attribute(2, struct.pack(">I", kind))
    assert chain(payload) == {"desc": wanted, "type": kind}
