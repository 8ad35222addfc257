"""`Device.tso` tells whether bulk TCP crosses a veth whose other end has a smaller MTU (K-35)."""

import contextlib
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from kubectl_skoop.collect.agent import collect_node
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.decode import decode_namespace
from kubectl_skoop.testing.netns import Namespace, create, delete, entered, lab_prefix

pytestmark = pytest.mark.kernel

BULK = 300_000
WAIT = 2
CLIENT = """
link add eth0 type veth peer name c0 mtu 1400 netns {router}
link set eth0 up
address add 10.0.1.2/24 dev eth0
"""
ROUTER = """
link add s0 type veth peer name eth0 netns {server}
link set c0 up
link set s0 up
address add 10.0.1.1/24 dev c0
address add 10.0.2.1/24 dev s0
"""
SERVER = """
link set eth0 up
address add 10.0.2.2/24 dev eth0
route add default via 10.0.2.1
"""


@dataclass(frozen=True)
class Lab:
    client: Namespace
    listener: socket.socket

    def bulk_arrives(self) -> bool:
        with entered(self.client.path):
            sender = socket.socket()
        with sender:
            sender.settimeout(WAIT)
            sender.connect(("10.0.2.2", 80))
            answering = threading.Thread(target=self._serve)
            answering.start()
            try:
                sender.sendall(bytes(BULK))
                return sender.recv(1) == b"k"
            except TimeoutError:
                return False
            finally:
                answering.join()

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        with connection, contextlib.suppress(TimeoutError):
            connection.settimeout(WAIT)
            left = BULK
            while left:
                left -= len(connection.recv(left))
            connection.sendall(b"k")


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    prefix = lab_prefix()
    client, router, server = (Namespace(prefix + name) for name in ("c", "r", "s"))
    create((client.name, router.name, server.name))
    try:
        client.run("ip", "-batch", "-", text=CLIENT.format(router=router.name))
        router.run("ip", "-batch", "-", text=ROUTER.format(server=server.name))
        server.run("ip", "-batch", "-", text=SERVER)
        client.run("ip", "route", "add", "default", "via", "10.0.1.1")
        router.set_sysctls({"net.ipv4.ip_forward": 1})
        with entered(server.path):
            listener = socket.socket()
        with listener:
            listener.bind(("0.0.0.0", 80))
            listener.listen()
            yield Lab(client, listener)
    finally:
        delete((client.name, router.name, server.name))


@pytest.mark.parametrize(
    ("tso", "gso"),
    [
        pytest.param("on", "off", id="tso alone hands packets over whole"),
        pytest.param("off", "on", id="gso alone cuts them before"),
    ],
)
def test_tso(lab: Lab, tso: str, gso: str) -> None:
    lab.client.run("ethtool", "-K", "eth0", "gso", gso, "tso", tso)
    dump = collect_node("n1", lab.client.path, {})
    device = decode_namespace(dump.namespaces[0], "n1", Place("node", "n1")).device_by_name["eth0"]
    assert (device.tso, lab.bulk_arrives()) == ((True, True) if tso == "on" else (False, False))
