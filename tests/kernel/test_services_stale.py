"""A TCP connection to an endpoint that goes away: what the kernel does with it, and what `check` says."""

import socket
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import take_snapshot
from kubectl_skoop.testing.looking import LOOKS
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.topology import LabService

pytestmark = pytest.mark.kernel

TRIES = 50
PAUSE, PATIENCE = 0.05, 60
"""Seconds: between looks, and for what must come. Data that is lost is repeated ever more rarely."""
ONE_LEFT = (
    "{node}: iptables -t nat -D {{chain.pair}} 3",
    "{node}: iptables -t nat -R {{chain.pair}} 2 -j {{sep.pair.a2}}",
)
"""What kube-proxy does with the rules of a service with two endpoints, when the second goes."""


@pytest.fixture
def lab() -> Iterator[ClusterLab]:
    with ClusterLab("flannel-host-gw", "iptables-nft") as made:
        yield made


@pytest.fixture
def client(lab: ClusterLab) -> Iterator[socket.socket]:
    """Of pod a, connected by the service `pair` to pod b2."""
    pair = next(one for one in lab.topology.services if one.name == "pair")
    b2 = next(pod.address for pod in lab.topology.pods if pod.name == "b2")
    for _ in range(TRIES):
        with entered(lab.namespace("a").path):
            made = socket.create_connection((pair.address, pair.port), timeout=PATIENCE)
        port = str(made.getsockname()[1])
        if f"src={b2} " in lab.namespace("n1").run("conntrack", "-L", "-p", "tcp", "--sport", port):
            with made:
                yield made
            return
        made.close()
    pytest.fail("chance never chose b2")


def found(lab: ClusterLab, folder: Path) -> list[Suspicion]:
    with closing(open_snapshot(take_snapshot(lab, folder))) as source:
        return list(check(source, Options()).suspicions)


def drain(lab: ClusterLab) -> None:
    """b2 is no endpoint any more, but still there."""
    run_steps(lab, [step.format(node=node.name) for node in lab.topology.nodes for step in ONE_LEFT])

    def kept(service: LabService) -> LabService:
        return replace(service, backends=tuple(one for one in service.backends if one.pod != "b2"))

    lab.topology = replace(lab.topology, services=tuple(map(kept, lab.topology.services)))


def end(lab: ClusterLab) -> None:
    """The pod b2 is deleted, with its device."""
    run_steps(lab, ["b2: ip link del eth0"])
    lab.topology = replace(lab.topology, pods=tuple(one for one in lab.topology.pods if one.name != "b2"))


def is_answered(client: socket.socket) -> bool:
    """Data is acknowledged by the other end's kernel."""
    client.send(b"x")
    for _ in range(LOOKS):
        if client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)[24:28] == b"\0\0\0\0":
            return True
        time.sleep(PAUSE)
    return False


def test_a_connection_while_its_endpoint_drains(
    lab: ClusterLab, client: socket.socket, tmp_path: Path
) -> None:
    assert found(lab, tmp_path) == []
    drain(lab)
    assert is_answered(client)
    assert found(lab, tmp_path) == []


def test_a_connection_whose_endpoint_is_gone(lab: ClusterLab, client: socket.socket, tmp_path: Path) -> None:
    drain(lab)
    end(lab)
    assert not is_answered(client)
    (one,) = found(lab, tmp_path)
    assert (one.code, str(one.where.place)) == ("conntrack.stale", "node/n1")
    assert "TCP connections from 10.244.1." in one.message
    lab.namespace("n1").run(*one.remedy.split())
    with pytest.raises(ConnectionResetError):
        client.recv(1) or client.recv(1)


def test_a_client_that_has_given_up(lab: ClusterLab, client: socket.socket, tmp_path: Path) -> None:
    """Its kernel forgets the connection without a word, and only the entry is left."""
    drain(lab)
    end(lab)
    lab.namespace("a").run("ip", "link", "set", "eth0", "down")
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()
    lab.namespace("a").run("ip", "link", "set", "eth0", "up")
    assert "ESTABLISHED" in lab.namespace("n1").run("conntrack", "-L", "-p", "tcp", "-d", "10.96.0.12")
    assert [one.code for one in found(lab, tmp_path) if one.code.startswith("conntrack")] == []
