"""IPsec as bytes: what is read of policies and states; what is cut off is an error that is expected."""

import struct
from errno import EINVAL, EPERM

import pytest

from kubectl_skoop.collect.netlink.message import MalformedMessage, Message, pack_attribute
from kubectl_skoop.collect.xfrm import (
    XFRM_MSG_GETDEFAULT,
    XFRM_MSG_GETPOLICY,
    XFRM_MSG_GETSA,
    XFRMA_ALG_AEAD,
    XFRMA_ALG_AUTH_TRUNC,
    XFRMA_ALG_CRYPT,
    XFRMA_ENCAP,
    XFRMA_OFFLOAD_DEV,
    XFRMA_SA_DIR,
    XFRMA_SET_MARK,
    read_xfrm,
)

POLICY = bytearray(168)
POLICY[40:42] = struct.pack("=H", 2)
TEMPLATE, KIND = pack_attribute(5, bytes(64)), pack_attribute(16, b"\1")


class Answers:
    """A kernel with one policy, and one state."""

    def __init__(self, policy: bytes, defaults: bytes | OSError = b"\0\0\0", state: bytes = b"") -> None:
        self._defaults = defaults
        self._entries = {XFRM_MSG_GETPOLICY: policy, XFRM_MSG_GETSA: state}

    def dump(self, kind: int, payload: bytes) -> list[Message]:
        return [Message(kind, 0, 1, entry)] if (entry := self._entries[kind]) else []

    def request(self, kind: int, payload: bytes, flags: int = 0) -> Message:
        if isinstance(self._defaults, OSError):
            raise self._defaults
        return Message(XFRM_MSG_GETDEFAULT, 0, 1, self._defaults)


def test_a_policy_with_its_templates_and_type() -> None:
    told = read_xfrm(Answers(bytes(POLICY) + TEMPLATE + KIND, b"\1\2\1"))  # type: ignore[arg-type]
    assert isinstance(policies := told["policies"], list)
    assert [(one["templates"], one["optional"], one["type"]) for one in policies] == [(1, False, 1)]
    assert told["blocks"] == ["in", "out"]


@pytest.mark.parametrize(
    "policy",
    [
        bytes(POLICY[:100]),
        bytes(POLICY) + pack_attribute(5, bytes(9)),
        bytes(POLICY) + pack_attribute(16, b""),
    ],
    ids=["the policy", "a template", "the type"],
)
def test_what_is_cut_off_is_an_error_that_is_expected(policy: bytes) -> None:
    with pytest.raises((struct.error, MalformedMessage)):
        read_xfrm(Answers(policy))  # type: ignore[arg-type]


def test_kernels_without_defaults_block_nothing_by_default() -> None:
    told = read_xfrm(Answers(bytes(POLICY), OSError(EINVAL, "no such message")))  # type: ignore[arg-type]
    assert told["blocks"] == []
    with pytest.raises(PermissionError):
        read_xfrm(Answers(bytes(POLICY), OSError(EPERM, "no right")))  # type: ignore[arg-type]
    with pytest.raises(struct.error):
        read_xfrm(Answers(bytes(POLICY), b"\1"))  # type: ignore[arg-type]


STATE = bytearray(224)
STATE[40:42] = STATE[212:214] = struct.pack("=H", 2)
STATE[56:60], STATE[80:84] = bytes([10, 0, 0, 2]), bytes([10, 0, 0, 1])
STATE[72:77] = b"\0\0\1\0\x32"
STATE[104:112] = STATE[120:128] = b"\xff" * 8
STATE[208:212], STATE[214] = struct.pack("=I", 7), 1
KEY = b"SECRETSECRETSECRETSE"


def algorithm(kind: int, name: bytes, *numbers: int) -> bytes:
    return pack_attribute(kind, name.ljust(64, b"\0") + struct.pack(f"={len(numbers)}I", *numbers) + KEY)


def state_of(*attributes: bytes, state: bytes = bytes(STATE)) -> dict[str, object]:
    told = read_xfrm(Answers(bytes(POLICY), state=state + b"".join(attributes)))  # type: ignore[arg-type]
    states = told["associations"]
    assert isinstance(states, list)
    assert told["states"] == 1
    assert "SECRET" not in str(told)
    return dict(states[0])


def test_a_state_without_its_key() -> None:
    told = state_of(algorithm(XFRMA_ALG_AEAD, b"rfc4106(gcm(aes))", 160, 128))
    assert told == {
        "src": "10.0.0.1",
        "dst": "10.0.0.2",
        "proto": 50,
        "spi": 256,
        "reqid": 7,
        "mode": 1,
        "window": 0,
        "flags": 0,
        "created": 0,
        "selector": told["selector"],
        "aead": "rfc4106(gcm(aes))",
        "tag_bits": 128,
    }


def test_cipher_and_digest() -> None:
    told = state_of(
        algorithm(XFRMA_ALG_CRYPT, b"cbc(aes)", 128), algorithm(XFRMA_ALG_AUTH_TRUNC, b"hmac(sha1)", 160, 96)
    )
    assert (told["enc"], told["auth"], told["tag_bits"]) == ("cbc(aes)", "hmac(sha1)", 96)


@pytest.mark.parametrize(
    ("attribute", "told"),
    [
        (
            pack_attribute(XFRMA_ENCAP, struct.pack("=H", 2) + struct.pack(">HH18x", 4500, 6000)),
            {"encap_type": 2, "encap_sport": 4500, "encap_dport": 6000},
        ),
        (pack_attribute(XFRMA_SET_MARK, struct.pack("=I", 5)), {"set_mark": 5, "set_mask": 0xFFFFFFFF}),
        (pack_attribute(XFRMA_OFFLOAD_DEV, bytes(8)), {"offload": 1}),
        (pack_attribute(XFRMA_SA_DIR, b"\2"), {"dir": 2}),
    ],
    ids=["in UDP", "a mark", "offload", "a direction"],
)
def test_what_more_a_state_has(attribute: bytes, told: dict[str, object]) -> None:
    found = state_of(attribute)
    assert {name: found.get(name) for name in told} == told


def test_a_state_that_is_used_up() -> None:
    spent = bytearray(STATE)
    spent[104:112] = spent[160:168] = struct.pack("=Q", 10)
    assert state_of(state=bytes(spent))["used_up"] == 1


@pytest.mark.parametrize(
    "state",
    [
        bytes(STATE[:150]),
        bytes(STATE) + pack_attribute(XFRMA_ENCAP, b"\1"),
        bytes(STATE) + pack_attribute(XFRMA_ENCAP, bytes(5)),
        bytes(STATE) + algorithm(20, b"x")[:70],
    ],
    ids=["the state", "an attribute", "ports", "an algorithm"],
)
def test_a_state_that_is_cut_off_is_an_error_that_is_expected(state: bytes) -> None:
    with pytest.raises((struct.error, MalformedMessage)):
        read_xfrm(Answers(bytes(POLICY), state=state))  # type: ignore[arg-type]
