"""Network namespaces: their identity, and running in one."""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000
OWN_NAMESPACE = Path("/proc/thread-self/ns/net")

_libc = ctypes.CDLL(None, use_errno=True)


class CannotEnter(OSError):
    """A network namespace: the path leads to none, or it may not be entered."""


def identity(netns: Path) -> str:
    """`<st_dev>:<st_ino>`: the same for every path that leads to the namespace (K-77).

    Raises:
        OSError: no such file.
    """
    status = netns.stat()
    return f"{status.st_dev}:{status.st_ino}"


@contextmanager
def entered(netns: Path) -> Iterator[None]:
    """The calling thread is in `netns`: sockets that it opens, processes that it starts, and its
    `/proc/thread-self/net` and `/proc/sys/net` are of that namespace.

    Raises:
        CannotEnter: no namespace, or not allowed.
    """
    with _opened(OWN_NAMESPACE) as home:
        with _opened(netns) as there:
            _setns(there)
        try:
            yield
        finally:
            _setns(home)


@contextmanager
def _opened(netns: Path) -> Iterator[int]:
    try:
        descriptor = os.open(netns, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CannotEnter(*error.args) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _setns(descriptor: int) -> None:
    if _libc.setns(descriptor, CLONE_NEWNET) != 0:
        code = ctypes.get_errno()
        raise CannotEnter(code, os.strerror(code))
