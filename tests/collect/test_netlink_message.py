import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_skoop.collect.netlink.message import (
    NLA_F_NESTED,
    MalformedMessage,
    Message,
    pack_attribute,
    pack_message,
    split_attributes,
    split_messages,
)

attributes = st.lists(st.tuples(st.integers(0, 0x3FFF), st.binary(max_size=40)), max_size=8)


@given(attributes)
def test_attributes_come_back_as_they_were_packed(given_attributes: list[tuple[int, bytes]]) -> None:
    packed = b"".join(pack_attribute(kind, payload) for kind, payload in given_attributes)
    assert split_attributes(packed) == given_attributes


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=5)
)
def test_messages_come_back_as_they_were_packed(parts: list[tuple[int, int, bytes]]) -> None:
    whole = [payload + bytes(-len(payload) % 4) for _, _, payload in parts]
    packed = b"".join(
        pack_message(kind, flags, 7, payload) for (kind, flags, _), payload in zip(parts, whole, strict=True)
    )
    assert list(split_messages(packed)) == [
        Message(kind, flags, 7, payload) for (kind, flags, _), payload in zip(parts, whole, strict=True)
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_split_or_refused(data: bytes) -> None:
    with contextlib.suppress(MalformedMessage):
        assert sum(16 + len(message.payload) for message in split_messages(data)) <= len(data)
    with contextlib.suppress(MalformedMessage):
        assert sum(4 + len(payload) for _, payload in split_attributes(data)) <= len(data)


@given(st.binary(min_size=1, max_size=60), st.data())
def test_a_cut_off_attribute_is_refused(payload: bytes, data: st.DataObject) -> None:
    packed = pack_attribute(3, payload)[: 4 + len(payload)]
    cut = data.draw(st.integers(1, len(packed) - 1))
    with pytest.raises(MalformedMessage):
        split_attributes(packed[:cut])


def test_flag_bits_are_no_part_of_the_number() -> None:
    assert split_attributes(pack_attribute(5 | NLA_F_NESTED, b"x")) == [(5, b"x")]
