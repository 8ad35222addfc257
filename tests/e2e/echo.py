"""UDP servers in pods. busybox has none that answers several clients, so they run in the test's process."""

import selectors
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from kubectl_skoop.testing.netns import entered
from tests.e2e.workloads import POD_ECHO_PORT, Pod

_TICK = 0.1
"""Seconds until a server notices that it shall end."""


@contextmanager
def served(pods: Iterable[Pod]) -> Iterator[None]:
    """Each pod answers on POD_ECHO_PORT with its name and the address that it saw."""
    with ExitStack() as stack:
        loop = stack.enter_context(selectors.DefaultSelector())
        for pod in pods:
            with entered(pod.namespace.path):
                server = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            server.bind(("0.0.0.0", POD_ECHO_PORT))
            loop.register(server, selectors.EVENT_READ, pod.name)
        end = threading.Event()
        thread = threading.Thread(target=_serve, args=(loop, end), daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join()


def _serve(loop: selectors.BaseSelector, end: threading.Event) -> None:
    while not end.is_set():
        for key, _ in loop.select(_TICK):
            server = key.fileobj
            assert isinstance(server, socket.socket)
            try:
                _, peer = server.recvfrom(4096)
                server.sendto(f"{key.data} {peer[0]}".encode(), peer)
            except OSError:
                continue
