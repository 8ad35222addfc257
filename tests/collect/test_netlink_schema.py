import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_skoop.collect.netlink.message import MalformedMessage, Message, pack_attribute
from kubectl_skoop.collect.netlink.schema import (
    Attribute,
    Fields,
    address,
    be16,
    flag,
    mac,
    nested,
    numbers,
    read_attributes,
    schema,
    text,
    u8,
    u32,
)
from kubectl_skoop.collect.nfnetlink.conntrack import ENTRY
from kubectl_skoop.collect.rtnetlink.link_schema import link_info
from kubectl_skoop.collect.rtnetlink.tables import DUMPS

INNER = schema((1, "port", be16))
SCHEMA = {
    **schema((1, "name", text), (2, "mtu", u32), (3, "up", flag), (4, "mac", mac), (5, "at", address)),
    6: Attribute("alias", text, many=True),
    7: Attribute("inner", nested(INNER)),
    8: Attribute("pair", numbers("=BB", "low", "high")),
}


def packed(*attributes: tuple[int, bytes]) -> bytes:
    return b"".join(pack_attribute(kind, payload) for kind, payload in attributes)


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        pytest.param([(1, b"eth0\0")], {"name": "eth0"}, id="text ends at the zero byte"),
        pytest.param([(2, struct.pack("=I", 1500))], {"mtu": 1500}, id="a number of the machine's order"),
        pytest.param([(3, b"")], {"up": True}, id="a flag"),
        pytest.param([(4, b"\x02\0\0\0\0\x0b")], {"mac": "02:00:00:00:00:0b"}, id="a MAC"),
        pytest.param([(5, b"\x0a\0\0\x01")], {"at": "10.0.0.1"}, id="an IPv4 address by its length"),
        pytest.param([(5, bytes(15) + b"\x01")], {"at": "::1"}, id="an IPv6 address by its length"),
        pytest.param([(6, b"a"), (6, b"b")], {"alias": ["a", "b"]}, id="one that may come several times"),
        pytest.param([(7, packed((1, b"\0\x50")))], {"inner": {"port": 80}}, id="a nested one"),
        pytest.param([(99, b"new")], {"99": b"new"}, id="an unknown one is kept under its number"),
        pytest.param([(2, b"\x01")], {"2": b"\x01"}, id="a known one of another length is kept as bytes"),
        pytest.param(
            [(7, b"\x09\0\x01\0")], {"7": b"\x09\0\x01\0"}, id="a broken nested one is kept as bytes"
        ),
        pytest.param(
            [(1, b"a"), (1, b"b")], {"name": "a", "name#2": "b"}, id="a repeat is kept beside the first"
        ),
        pytest.param([(99, b"1"), (99, b"2")], {"99": b"1", "99#2": b"2"}, id="a repeat of an unknown one"),
        pytest.param(
            [(8, b"\1\2\3")], {"pair": {"low": 1, "high": 2, "more": b"\3"}}, id="a grown structure"
        ),
        pytest.param(
            [(7, packed((1, b"\0\x50"), (2, b"?")))],
            {"inner": {"port": 80, "2": b"?"}},
            id="unknown inside nested",
        ),
    ],
)
def test_read_attributes(attributes: list[tuple[int, bytes]], wanted: Fields) -> None:
    assert read_attributes(packed(*attributes), SCHEMA) == wanted


@given(st.lists(st.tuples(st.integers(0, 80), st.binary(max_size=24)), max_size=12))
def test_no_attribute_is_lost(attributes: list[tuple[int, bytes]]) -> None:
    fields = read_attributes(packed(*attributes), schema((1, "one", u8), (2, "two", address)))
    assert len(fields) == len(attributes)


@given(st.sampled_from(sorted(DUMPS)), st.binary(max_size=200))
def test_any_answer_of_a_table_is_read_or_refused(name: str, body: bytes) -> None:
    dump = DUMPS[name]
    payload = bytes(dump.header.layout.size) + body
    try:
        (fields,) = dump.entries([Message(0, 0, 0, payload)])
    except MalformedMessage:
        return
    assert set(dump.header.names) <= set(fields)


@given(st.lists(st.tuples(st.integers(0, 30), st.binary(max_size=60)), max_size=8))
def test_any_conntrack_attributes_are_read(attributes: list[tuple[int, bytes]]) -> None:
    assert len(read_attributes(packed(*attributes), ENTRY)) == len(attributes)


def test_data_of_an_unknown_kind_of_link_stays_bytes() -> None:
    info = packed((1, b"brandnew\0"), (2, b"\1\2\3\4"))
    assert link_info(info) == {"kind": "brandnew", "data": b"\1\2\3\4"}
