"""The wire format: known bytes, and bytes of a stranger."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubectl_skoop.collect.cri import protobuf
from kubectl_skoop.collect.cri.protobuf import MalformedProtobuf


def test_the_examples_of_the_specification() -> None:
    assert protobuf.number(bytes.fromhex("089601"), 1) == 150
    assert protobuf.text(bytes.fromhex("120774657374696e67"), 2) == "testing"
    assert protobuf.message(bytes.fromhex("1a03089601"), 3) == bytes.fromhex("089601")
    assert protobuf.text_field(2, "testing") == bytes.fromhex("120774657374696e67")
    assert protobuf.true_field(2) == bytes.fromhex("1001")


def test_fields_that_nobody_asks_for_are_passed_over() -> None:
    data = bytes.fromhex("090102030405060708 1501020304 80807d0a 220161 220162")
    assert protobuf.messages(data, 4) == [b"a", b"b"]
    assert protobuf.text(data, 4) == "b"
    assert (protobuf.text(data, 9), protobuf.number(data, 9), protobuf.messages(data, 9)) == ("", 0, [])


@given(st.text(max_size=300))
def test_texts_come_back(text: str) -> None:
    assert protobuf.text(protobuf.text_field(1, text), 1) == text


@pytest.mark.parametrize("data", ["08", "0aff", "0a05616263", "0b", "0f", "08ffffffffffffffffffff01", "0903"])
def test_what_is_cut_off_or_of_an_unknown_kind_is_refused(data: str) -> None:
    with pytest.raises(MalformedProtobuf):
        protobuf.messages(bytes.fromhex(data), 1)


@given(st.binary(max_size=60))
def test_a_strangers_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        assert all(isinstance(one, bytes) for one in protobuf.messages(data, 1))
    except MalformedProtobuf:
        return
