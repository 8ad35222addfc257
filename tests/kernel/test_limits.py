"""Limits that dropped real packets, as the agent collects them, each with a twin that drops none."""

import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from kubectl_skoop.collect import procnet
from kubectl_skoop.collect.netlink.schema import Fields
from kubectl_skoop.collect.netlink.socket import Interrupted, NetlinkSocket
from kubectl_skoop.collect.rtnetlink.tables import DUMPS, Dump
from kubectl_skoop.diagnosis.limits.found import of_namespace
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.trap_lab import TrapLab, measured_at, trap_lab
from kubectl_skoop.testing.trap_networks import ROUTED
from tests.kernel.test_traps_socket import half_open

pytestmark = pytest.mark.kernel

PINGS, SIZE = 30, 1000


def found(lab: TrapLab, host: str) -> dict[str, Suspicion]:
    """By code."""
    return {one.code: one for one in of_namespace(measured_at(lab.dump(), host))}


def pings(lab: TrapLab, host: str, address: str) -> None:
    """All at once; that none is answered is no failure (with `-w`, more would be sent until so many are)."""
    command = f"ping -q -f -c {PINGS} -l {PINGS} -W 0.2 -s {SIZE} {address} || true"
    lab.namespaces[host].run("sh", "-c", command)


@contextmanager
def asked(lab: TrapLab, port: int) -> Iterator[Sequence[int]]:
    """Connections that `a` tries to make to `b`, all at once."""
    with ExitStack() as opened, entered(lab.namespaces["a"].path):
        tried = [opened.enter_context(socket.socket()) for _ in range(PINGS)]
        for one in tried:
            one.setblocking(False)
        yield [one.connect_ex(("10.2.0.2", port)) for one in tried]


@pytest.mark.parametrize(("mtu", "told"), [(800, {"device.dropped"}), (1500, set())], ids=["narrow", "wide"])
def test_frames_that_are_larger_than_a_veth_s_other_end_takes(mtu: int, told: set[str]) -> None:
    with trap_lab(ROUTED, f"b: link set eth0 mtu {mtu}") as lab:
        pings(lab, "r", "10.2.0.2")
        assert found(lab, "b").keys() == told
        assert found(lab, "r").keys() == told
        if told:
            (line,) = found(lab, "b")["device.dropped"].evidence
            assert line.startswith("eth0: rx_packets ")
            assert int(line.partition("rx_dropped ")[2]) >= PINGS


QUEUE = (
    "r: $ tc qdisc add dev p1 root handle 1: tbf rate {rate} burst 10000 limit 100000\n"
    "r: $ tc qdisc add dev p1 parent 1:1 handle 2: pfifo limit {limit}"
)


@pytest.mark.parametrize(
    ("rate", "limit", "told"),
    [
        pytest.param("1kbit", 5, {"queue.full": Level.WARNING}, id="full now"),
        pytest.param("1mbit", 5, {"queue.dropped": Level.INFO}, id="full a while ago"),
        pytest.param("1kbit", 90, {}, id="room for all"),
    ],
)
def test_the_queue_of_a_device(rate: str, limit: int, told: dict[str, Level]) -> None:
    with trap_lab(ROUTED, QUEUE.format(rate=rate, limit=limit)) as lab:
        pings(lab, "a", "10.2.0.2")
        seen = found(lab, "r")
        assert {code: one.level for code, one in seen.items()} == told
        for one in seen.values():
            assert one.where.device == "p1"
            assert any(line.startswith(f"qdisc pfifo 2: limit {limit}p sent ") for line in one.evidence)
        assert not found(lab, "b")


@pytest.mark.parametrize(
    ("condition", "told"), [("b: fill tcp 81", True), ("b: listen tcp 81 backlog=100", False)]
)
def test_connections_to_a_listener(condition: str, told: bool) -> None:
    with trap_lab(ROUTED, condition) as lab, asked(lab, 81):
        seen = found(lab, "b")
        assert seen.keys() == ({"socket.backlog", "socket.overflowed"} if told else set())
        if told:
            assert seen["socket.backlog"].level == Level.WARNING
            assert seen["socket.overflowed"].level == Level.INFO
            assert "ListenOverflows " in seen["socket.overflowed"].evidence[0]


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        pytest.param(half_open(3, "tcp_syncookies=0"), "as many as its listener takes (1)", id="full"),
        pytest.param(
            half_open(7, "tcp_syncookies=0", "tcp_max_syn_backlog=8", backlog=99),
            "more than three quarters of net.ipv4.tcp_max_syn_backlog",
            id="the last quarter",
        ),
        pytest.param(half_open(3, "tcp_syncookies=1"), "", id="cookies"),
        pytest.param(half_open(3, "tcp_syncookies=0", backlog=9), "", id="room"),
    ],
)
def test_half_open_connections(condition: str, told: str) -> None:
    with trap_lab(ROUTED, condition) as lab:
        seen = found(lab, "b").get("socket.backlog")
        assert (seen is not None) == bool(told)
        if seen is not None:
            assert (seen.level, told in seen.message) == (Level.WARNING, True)


def test_what_could_not_be_read_is_no_zero(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nor are there no filters where their queueing disciplines could not be listed."""

    def torn(dump: Dump, socket: NetlinkSocket) -> list[Fields]:
        if dump is DUMPS["qdiscs"]:
            raise Interrupted("changed at each reading")
        return plain(dump, socket)

    plain = Dump.read
    with trap_lab(ROUTED) as lab:
        whole = measured_at(lab.dump(), "r")
        assert not whole.unread
        assert "tc_filters" not in whole.ns.gaps
        monkeypatch.setattr(Dump, "read", torn)
        (tmp_path / "snmp").mkdir()
        monkeypatch.setattr(procnet, "PROC_NET", tmp_path)
        parts = measured_at(lab.dump(), "r")
    assert parts.unread == {
        "counters": f"failed: {tmp_path}/snmp: Is a directory",
        "qdiscs": "failed: changed at each reading",
    }
    assert parts.ns.gaps["tc_filters"] == "failed: qdiscs: changed at each reading"
