"""What a client calls lost, asked of servers of this machine."""

import socket
import threading
import time

import pytest

from kubectl_skoop.testing.netns import Namespace
from tests.e2e.probe import ANSWER, Seen, ask

pytestmark = pytest.mark.kernel

HERE = Namespace("/proc/self/ns/net")
PATIENCE = 0.2


def test_an_answer_that_takes_longer_than_a_handshake_is_no_loss() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                time.sleep(3 * PATIENCE)
                connection.recv(1 << 16)
                connection.sendall(b"late 127.0.0.1")

        worker = threading.Thread(target=serve)
        worker.start()
        seen = ask(HERE, "127.0.0.1", server.getsockname()[1], patience=PATIENCE)
        worker.join()
    assert seen == Seen(ANSWER, "late", "127.0.0.1")
