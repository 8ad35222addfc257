"""A full table of connections."""

from ipaddress import ip_address

import pytest

from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.conntrack_types import ConntrackEntry, Tuple
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.capacity import COUNT, MAXIMUM, refusal
from kubectl_skoop.netstack.netfilter.conntrack import IPS_ASSURED
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.sysctl import Sysctls

FLOW = Tuple(src=ip_address("10.0.0.1"), dst=ip_address("10.0.0.2"), protocol=6, sport=40000, dport=80)
BACK = Tuple(src=ip_address("10.0.0.2"), dst=ip_address("10.0.0.1"), protocol=6, sport=80, dport=40000)
ASSURED = ConntrackEntry(original=FLOW, reply=BACK, status=IPS_ASSURED)
YOUNG = ASSURED._replace(status=0)


@pytest.mark.parametrize(
    ("count", "maximum", "entries", "full", "unknown"),
    [
        pytest.param(1, 2, [ASSURED], False, False, id="room for one"),
        pytest.param(2, 2, [ASSURED, ASSURED], True, False, id="full"),
        pytest.param(3, 2, [ASSURED] * 3, True, False, id="more than the maximum, which was lowered"),
        pytest.param(2, 0, [ASSURED, ASSURED], False, False, id="no maximum"),
        pytest.param(2, 2, [ASSURED, YOUNG], True, True, id="one that may give way"),
        pytest.param(2, 2, [ASSURED], True, True, id="not all were collected"),
    ],
)
def test_what_begins_a_connection_is_dropped_where_the_table_is_full(
    count: int, maximum: int, entries: list[ConntrackEntry], full: bool, unknown: bool
) -> None:
    ns = NetworkNamespace(
        id="n/1",
        place=Place("node", "n"),
        node="n",
        conntrack=tuple(entries),
        sysctls=Sysctls({COUNT: str(count), MAXIMUM: str(maximum)}),
    )
    stack = Stack(ns, Choices())
    assert bool(refusal(stack)) == full
    assert bool(stack.choices.made) == unknown


@pytest.mark.parametrize(
    ("settings", "unread"),
    [
        pytest.param({MAXIMUM: "2"}, COUNT, id="the count was not collected"),
        pytest.param({COUNT: "2"}, MAXIMUM, id="the maximum was not collected"),
    ],
)
def test_what_was_not_collected_is_not_taken_for_room(settings: dict[str, str], unread: str) -> None:
    stack = Stack(
        NetworkNamespace(id="n/1", place=Place("node", "n"), node="n", sysctls=Sysctls(settings)), Choices()
    )
    assert unread in refusal(stack)
    assert stack.choices.made
