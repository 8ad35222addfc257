"""A server in this process."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import pytest

from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.web.address import Listen, listen_address
from kubectl_skoop.web.server import Server, new_token
from kubectl_skoop.web.session import Session

SNAPSHOTS = Path(__file__).parents[2] / "snapshots"
ANYWHERE = listen_address("127.0.0.1:0")


@contextmanager
def serving(
    snapshot: Path, *, listen: Listen = ANYWHERE, token: str | None = None, remote: bool = False
) -> Iterator[Server]:
    """`token`: empty for none; default: a new one."""
    with closing(Session(snapshot, Options())) as session:
        own = new_token() if token is None else token
        with Server(session, listen, token=own, remote=remote) as server:
            thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
            thread.start()
            try:
                yield server
            finally:
                server.shutdown()
                thread.join()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """Of a snapshot in which half of the connections to a service fail."""
    with serving(SNAPSHOTS / "dead-backend.skoop") as one:
        yield one
