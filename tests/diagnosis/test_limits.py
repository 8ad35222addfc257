"""What counters and full queues say, and when they say nothing."""

from collections.abc import Mapping

import pytest

from kubectl_skoop.diagnosis.limits.found import of_namespace, of_node
from kubectl_skoop.diagnosis.limits.measured import measure
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.l4.socket_types import Socket
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_REACHABLE, Neighbour, NeighbourTable
from kubectl_skoop.netstack.sysctl import Sysctls
from kubectl_skoop.snapshot.decode.entry import parse_address
from kubectl_skoop.snapshot.dump import Table

NETSTAT = (
    "TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 0 {0} {1}\nIpExt: InNoRoutes\nIpExt: 0\n"
)
SNMP = "Ip: Forwarding\nIp: 1\nTcp: ActiveOpens PassiveOpens\nTcp: 7 {0}\n"
TRACKING = (
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop early_drop "
    "icmp_error  expect_new expect_create expect_delete search_restart\n"
    + "00000002  00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 00000000 {0:08x} "
    "{1:08x} 00000000  00000000 00000000 00000000 00000000\n" * 2
)
SOFTNET = "{0:08x} {1:08x} 00000003 00000000 00000000 00000000 00000000 00000000 00000000 00000000\n" * 2


def counted(files: Mapping[str, str], **fields: object) -> list[tuple[str, str]]:
    """Codes and evidence."""
    ns = NetworkNamespace(id="n/1", place=Place("node", "n"), node="n", **fields)  # type: ignore[arg-type]
    measured = measure(ns, {"counters": Table(data=dict(files))})
    return [(one.code, one.evidence[0]) for one in (*of_namespace(measured), *of_node(measured, [ns]))]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        pytest.param({}, [], id="nothing was collected"),
        pytest.param({"netstat": NETSTAT.format(0, 0), "snmp": SNMP.format(9)}, [], id="nothing was dropped"),
        pytest.param({"netstat": NETSTAT.format(9, 9), "snmp": SNMP.format(9)}, [], id="fewer than ten"),
        pytest.param(
            {"netstat": NETSTAT.format(10, 10), "snmp": SNMP.format(10_001)},
            [],
            id="fewer than one of a thousand",
        ),
        pytest.param(
            {"netstat": NETSTAT.format(10, 11), "snmp": SNMP.format(9_000)},
            [("socket.overflowed", "ListenOverflows 10 ListenDrops 11 PassiveOpens 9000")],
            id="full listeners",
        ),
        pytest.param(
            {"stat/nf_conntrack": TRACKING.format(5, 1)},
            [("conntrack.dropped", "drop 10 early_drop 2, net.netfilter.nf_conntrack_max = ?")],
            id="connections, of two processors",
        ),
        pytest.param(
            {"softnet_stat": SOFTNET.format(0x1000, 0x10)},
            [("node.backlog", "softnet_stat: processed 8192 dropped 32")],
            id="the backlog of two processors",
        ),
        pytest.param({"softnet_stat": "so it goes\n"}, [], id="what cannot be read"),
    ],
)
def test_counters_of_proc(files: Mapping[str, str], told: list[tuple[str, str]]) -> None:
    assert counted(files) == told


def sockets(*backlogs: int, waiting: int) -> tuple[Socket, ...]:
    """Listeners on one port, and its half-open connections."""
    any_, peer = parse_address("0.0.0.0"), parse_address("10.0.0.9")
    listeners = [Socket(6, "listen", any_, 80, backlog=backlog) for backlog in backlogs]
    return (*listeners, *(Socket(6, "half-open", any_, 80, peer, 4000 + n) for n in range(waiting)))


@pytest.mark.parametrize(
    ("listening", "cookies", "most", "told"),
    [
        pytest.param(sockets(4, waiting=4), 0, 128, "half-open: 4, backlog 4", id="full"),
        pytest.param(sockets(4, waiting=3), 0, 128, "", id="room for one"),
        pytest.param(sockets(4, waiting=4), 1, 128, "", id="cookies"),
        pytest.param(sockets(0, waiting=0), 0, 128, "", id="nobody waits"),
        pytest.param(sockets(4, 4, waiting=7), 0, 128, "", id="one of two may have room"),
        pytest.param(sockets(4, 4, waiting=8), 0, 128, "half-open: 8, backlog 8", id="one of two is full"),
        pytest.param(sockets(99, waiting=7), 0, 8, "half-open: 7, backlog 99", id="the last quarter"),
        pytest.param(sockets(99, waiting=6), 0, 8, "", id="before it"),
    ],
)
def test_half_open_connections(listening: tuple[Socket, ...], cookies: int, most: int, told: str) -> None:
    settings = {"net.ipv4.tcp_syncookies": str(cookies), "net.ipv4.tcp_max_syn_backlog": str(most)}
    found = counted({}, sockets=listening, sysctls=Sysctls(settings))
    assert found == ([("socket.backlog", told)] if told else [])


@pytest.mark.parametrize(
    ("stats", "told"),
    [
        pytest.param({"rx_packets": 5000, "rx_dropped": 4, "rx_missed_errors": 0}, "", id="few"),
        pytest.param({"rx_packets": 90_000, "rx_dropped": 40}, "", id="fewer than one of a thousand"),
        pytest.param(
            {"rx_packets": 90_000, "rx_dropped": 40, "rx_missed_errors": 60},
            "eth0: rx_packets 90000 rx_dropped 40 rx_missed_errors 60",
            id="the ring of a card was full",
        ),
        pytest.param(
            {"tx_packets": 9, "tx_errors": 10}, "eth0: tx_packets 9 tx_errors 10", id="sent in vain"
        ),
        pytest.param({"rx_dropped": 100}, "", id="how many came in was not collected"),
    ],
)
def test_counters_of_a_device(stats: Mapping[str, int], told: str) -> None:
    device = Device(index=2, name="eth0", details={"stats64": stats})
    assert counted({}, devices={2: device}) == ([("device.dropped", told)] if told else [])


def test_a_full_table_of_connections_is_a_warning() -> None:
    sysctls = Sysctls({"net.netfilter.nf_conntrack_count": "9", "net.netfilter.nf_conntrack_max": "9"})
    (found,) = counted({}, sysctls=sysctls)
    assert found == (
        "conntrack.full",
        "net.netfilter.nf_conntrack_count = 9, net.netfilter.nf_conntrack_max = 9",
    )


@pytest.mark.parametrize(
    ("table", "level"),
    [
        pytest.param(NeighbourTable(entries=1, most=2, target=1), None, id="room"),
        pytest.param(
            NeighbourTable(entries=1, most=2, target=1, overflows=3), Level.INFO, id="it was full once"
        ),
        pytest.param(NeighbourTable(entries=1, most=1, target=1, overflows=3), Level.WARNING, id="full"),
        pytest.param(
            NeighbourTable(entries=5, most=4, target=1), Level.WARNING, id="most were not collected"
        ),
    ],
)
def test_the_table_of_neighbours(table: NeighbourTable, level: Level | None) -> None:
    entry = Neighbour(2, parse_address("10.0.0.2"), "02:00:00:00:00:02", NUD_REACHABLE)
    ns = NetworkNamespace(
        id="n/1",
        place=Place("node", "n"),
        node="n",
        devices={2: Device(index=2, name="eth0")},
        neighbours=(entry,),
        neighbour_tables={4: table},
    )
    found = list(of_node(measure(ns, {}), [ns]))
    assert [(one.code, one.level) for one in found] == (
        [] if level is None else [("neighbour.table-full", level)]
    )
