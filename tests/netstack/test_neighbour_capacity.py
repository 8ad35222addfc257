"""What counts against gc_thresh3, what gives way, and what is not known."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.capacity import NodeNeighbours, refusal
from kubectl_skoop.netstack.neighbours.neighbour_types import (
    NTF_EXT_LEARNED,
    NUD_FAILED,
    NUD_NOARP,
    NUD_PERMANENT,
    NUD_REACHABLE,
    NUD_STALE,
    Neighbour,
    NeighbourTable,
)
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import Sysctls
from tests.netstack.builders import LO

ETH0 = Device(index=2, name="eth0")
NEW, NEXT = ip_address("10.0.9.9"), ip_address("10.0.9.8")
HELD = Neighbour(2, ip_address("10.0.0.1"), "02:00:00:00:00:01", NUD_REACHABLE)
IDLE = HELD._replace(state=NUD_STALE, held=False, unchanged=60.0)
YOUNG = IDLE._replace(unchanged=4.0)
FAILED = IDLE._replace(state=NUD_FAILED, mac="", unchanged=0.0)
STATIC = HELD._replace(state=NUD_PERMANENT)
LEARNED = HELD._replace(flags=NTF_EXT_LEARNED)
OTHER_FAMILY = HELD._replace(address=ip_address("fd00::1"))
PROXY = HELD._replace(proxy=True)
LOOPBACK = IDLE._replace(device=1, state=NUD_NOARP, held=True)


def stack(
    entries: list[Neighbour], *, most: int, total: int | None = None, target: int = 0, kernel: str = "6.18.0"
) -> Stack:
    """`total`: entries of all namespaces of the kernel; None: those of this one."""
    own = sum(entry.address.version == 4 and not entry.proxy for entry in entries)
    ns = NetworkNamespace(
        id="n/1",
        place=Place("node", "n"),
        node="n",
        devices={1: LO, 2: ETH0},
        neighbours=tuple(
            entry._replace(address=entry.address + number) for number, entry in enumerate(entries)
        ),
        neighbour_tables={4: NeighbourTable(own if total is None else total, most, target)},
        sysctls=Sysctls({"kernel.osrelease": kernel}),
    )
    return Stack(ns, Choices(), node_neighbours=NodeNeighbours(lambda: [ns]))


@pytest.mark.parametrize(
    ("entries", "most", "full"),
    [
        pytest.param([HELD, HELD], 3, False, id="room for one"),
        pytest.param([HELD, HELD], 2, True, id="all are in use"),
        pytest.param([HELD, HELD, HELD], 2, True, id="more than the limit, which was lowered"),
        pytest.param([HELD, STATIC], 2, False, id="a permanent one does not count"),
        pytest.param([HELD, LEARNED], 2, False, id="nor what a control plane has learned"),
        pytest.param([HELD, OTHER_FAMILY], 2, False, id="nor what is in the other family's table"),
        pytest.param([HELD, PROXY], 2, False, id="nor a proxy entry"),
        pytest.param([HELD, LOOPBACK], 2, False, id="nor what is on lo"),
        pytest.param([HELD, IDLE], 2, False, id="an idle one gives way"),
        pytest.param([HELD, FAILED], 2, False, id="so does one that has failed just now"),
        pytest.param([HELD, YOUNG], 2, True, id="one that has just changed does not"),
    ],
)
def test_room_for_one_more(entries: list[Neighbour], most: int, full: bool) -> None:
    here = stack(entries, most=most)
    assert bool(refusal(here, ETH0, NEW)) == full
    assert not here.choices.made


def test_an_entry_that_is_there_needs_no_room() -> None:
    assert not refusal(stack([HELD, HELD], most=1), ETH0, HELD.address)


def test_what_the_packets_made_counts() -> None:
    here = stack([HELD, HELD], most=3)
    assert not refusal(here, ETH0, NEW)
    assert refusal(here, ETH0, NEXT)
    assert not refusal(here, ETH0, NEW)


@pytest.mark.parametrize(("target", "second"), [(1, True), (3, False)], ids=["to the target", "to one less"])
def test_a_full_table_is_thinned_out(target: int, second: bool) -> None:
    here = stack([HELD, IDLE, IDLE, IDLE], most=4, target=target)
    assert not refusal(here, ETH0, NEW)
    assert here.node_neighbours.thrown_out == {4: 3 if second else 2}


def test_an_idle_entry_that_the_packet_goes_by_is_kept() -> None:
    here = stack([HELD, IDLE], most=2)
    assert not refusal(here, ETH0, IDLE.address + 1)
    assert refusal(here, ETH0, NEW)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        pytest.param(
            stack([HELD], most=2, total=2), "not all of them were collected", id="of another namespace"
        ),
        pytest.param(
            stack([HELD, STATIC], most=2, kernel="4.18.0"), "which of them give way", id="an old kernel"
        ),
    ],
)
def test_what_is_not_known_is_asked(made: Stack, why: str) -> None:
    assert refusal(made, ETH0, NEW)
    assert why in made.choices.made[0].reason


@pytest.mark.parametrize("gaps", [{}, {"neighbour_tables": "failed: not allowed"}], ids=["older", "unread"])
def test_a_table_that_was_not_read_is_no_empty_one(gaps: dict[str, str]) -> None:
    here = stack([HELD], most=1)
    here.ns = replace(here.ns, neighbour_tables={}, gaps=gaps)
    assert bool(refusal(here, ETH0, NEW)) is bool(gaps)
    assert ["whether there is room" in one.reason for one in here.choices.made] == [True] * len(gaps)


def test_whether_ipv6_makes_room_is_unknown() -> None:
    entry = IDLE._replace(address=ip_address("fd00::1"))
    here = stack([], most=1)
    here.ns = replace(here.ns, neighbours=(entry,), neighbour_tables={6: NeighbourTable(1, 1, 0)})
    here.node_neighbours.namespaces = lambda: [here.ns]
    assert refusal(here, ETH0, ip_address("fd00::9"))
    assert "whether others give way" in here.choices.made[0].reason


def test_lo_counts_in_older_kernels() -> None:
    assert refusal(stack([HELD, LOOPBACK], most=2, kernel="6.1.0"), ETH0, NEW)


def test_without_the_table_nothing_is_said() -> None:
    here = stack([HELD], most=0)
    here.ns = replace(here.ns, neighbour_tables={})
    assert not refusal(here, ETH0, NEW)
