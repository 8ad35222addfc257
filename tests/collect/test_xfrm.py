"""IPsec policies as bytes that are cut off: an error that the agent expects, whatever is missing."""

import struct
from errno import EINVAL, EPERM

import pytest

from kubectl_skoop.collect.netlink.message import MalformedMessage, Message, pack_attribute
from kubectl_skoop.collect.xfrm import XFRM_MSG_GETDEFAULT, XFRM_MSG_GETPOLICY, read_xfrm

POLICY = bytearray(168)
POLICY[40:42] = struct.pack("=H", 2)
TEMPLATE, KIND = pack_attribute(5, bytes(64)), pack_attribute(16, b"\1")


class Answers:
    """A kernel with one policy."""

    def __init__(self, policy: bytes, defaults: bytes | OSError = b"\0\0\0") -> None:
        self._policy, self._defaults = policy, defaults

    def dump(self, kind: int, payload: bytes) -> list[Message]:
        return [Message(kind, 0, 1, self._policy)] if kind == XFRM_MSG_GETPOLICY else []

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
