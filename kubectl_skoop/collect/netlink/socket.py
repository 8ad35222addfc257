"""A netlink socket of the namespace in which it was opened."""

import os
import socket
import struct
from collections.abc import Callable, Hashable, Iterator
from types import TracebackType
from typing import Self, TypeVar

from kubectl_skoop.collect.netlink.message import (
    NLM_F_DUMP,
    NLM_F_DUMP_INTR,
    NLM_F_REQUEST,
    NLMSG_DONE,
    NLMSG_ERROR,
    NLMSG_NOOP,
    Message,
    pack_message,
    split_messages,
)

NETLINK_ROUTE, NETLINK_SOCK_DIAG, NETLINK_XFRM, NETLINK_NETFILTER, NETLINK_GENERIC = 0, 4, 6, 12, 16
SOL_NETLINK, NETLINK_GET_STRICT_CHK = 270, 12
RECEIVE_BYTES = 1 << 20
TIMEOUT = 10.0
ATTEMPTS = 4

R = TypeVar("R")


class Interrupted(Exception):
    """The state changed at each reading (NLM_F_DUMP_INTR): no consistent dump."""


class NetlinkSocket:
    """Requests and dumps. Belongs to one thread."""

    def __init__(self, protocol: int, *, strict: bool = False) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        self._socket.settimeout(TIMEOUT)
        self._socket.bind((0, 0))
        self._buffer = bytearray(RECEIVE_BYTES)
        self._sequence = 0
        if strict:
            self._be_strict()

    def _be_strict(self) -> None:
        """Filters in the header are obeyed (Linux 4.20); older kernels ignore them."""
        try:
            self._socket.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
        except OSError:
            return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def dump(
        self, kind: int, payload: bytes, *, identity: Callable[[Message], Hashable] | None = None
    ) -> list[Message]:
        """All entries, read again while the kernel says that the list changed under the reader.

        `identity`: for lists that the kernel does not watch; read until two dumps in a row list the same, and
        after `ATTEMPTS` readings take the last.

        Raises:
            Interrupted: it changed at each reading.
            OSError: the kernel refused.
            TimeoutError: no answer.
        """
        before: list[Message] | None = None
        messages: list[Message] = []
        whole = False
        for _ in range(ATTEMPTS):
            messages, whole = self._dump_once(kind, payload)
            if not whole:
                before = None
                continue
            if identity is None or (before is None and not messages):
                return messages
            if before is not None and _same(before, messages, identity):
                return messages
            before = messages
        if not whole:
            raise Interrupted(f"may be torn: it changed at each of {ATTEMPTS} readings")
        return messages

    def fold(self, kind: int, payload: bytes, take: Callable[[Iterator[Message]], R]) -> R:
        """What `take` makes of the entries as they arrive, so that a long list need not be in memory.

        Raises: as `dump`.
        """
        for _ in range(ATTEMPTS):
            entries = self._begin_dump(kind, payload)
            found = take(entries)
            if entries.whole:
                return found
        raise Interrupted(f"may be torn: it changed at each of {ATTEMPTS} readings")

    def _dump_once(self, kind: int, payload: bytes) -> tuple[list[Message], bool]:
        entries = self._begin_dump(kind, payload)
        return list(entries), entries.whole

    def _begin_dump(self, kind: int, payload: bytes) -> "_Entries":
        self._send(kind, NLM_F_DUMP, payload)
        return _Entries(self._replies())

    def request(self, kind: int, payload: bytes, flags: int = 0) -> Message:
        """The one answer to one question.

        Raises:
            OSError: the kernel's answer is an error.
            TimeoutError: no answer.
        """
        self._send(kind, flags, payload)
        return next(self._replies())

    def answers(self, kind: int, payload: bytes) -> list[Message]:
        """All answers to one question that is no dump, as some families of generic netlink give.

        Raises: as `request`.
        """
        self._send(kind, 0, payload)
        return list(_Entries(self._replies()))

    def _send(self, kind: int, flags: int, payload: bytes) -> None:
        self._sequence += 1
        self._socket.send(pack_message(kind, NLM_F_REQUEST | flags, self._sequence, payload))

    def _replies(self) -> Iterator[Message]:
        while True:
            size, _, flags, _ = self._socket.recvmsg_into([self._buffer])
            if flags & socket.MSG_TRUNC:
                raise OSError(f"a netlink message above {RECEIVE_BYTES} bytes")
            for message in split_messages(bytes(memoryview(self._buffer)[:size])):
                if message.sequence != self._sequence or message.type == NLMSG_NOOP:
                    continue
                if message.type == NLMSG_ERROR:
                    _raise_errno(message.payload)
                yield message


class _Entries(Iterator[Message]):
    """The entries of one dump; after the last one `whole` tells whether the list stood still meanwhile."""

    def __init__(self, replies: Iterator[Message]) -> None:
        self._replies = replies
        self.whole = True

    def __next__(self) -> Message:
        message = next(self._replies)
        self.whole = self.whole and not message.flags & NLM_F_DUMP_INTR
        if message.type != NLMSG_DONE:
            return message
        if len(message.payload) >= 4:
            _raise_errno(message.payload)
        raise StopIteration


def _same(before: list[Message], after: list[Message], identity: Callable[[Message], Hashable]) -> bool:
    if len(before) != len(after):
        return False
    pairs = zip(before, after, strict=True)
    return all(old.payload == new.payload or identity(old) == identity(new) for old, new in pairs)


def _raise_errno(payload: bytes) -> None:
    (code,) = struct.unpack_from("=i", payload)
    if code:
        raise OSError(-code, os.strerror(-code))
