"""A full table of connections, which only a kernel of one's own may be given."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import ROUTED
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

TCP, UDP, PING = "a tcp 10.2.0.2", "a udp 10.2.0.2", "a icmp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
DROPPED = 12


def full(maximum: int) -> str:
    """One maximum counts for all namespaces, and the first alone may write it."""
    setting = f"echo {maximum} > /proc/sys/net/netfilter/nf_conntrack_max"
    return (
        "r: $ iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
        f"r: $ nsenter --net=/proc/1/ns/net sh -c '{setting}'"
    )


def asked_in_vain(maximum: int) -> str:
    """More pings, each a connection, than there is room for."""
    pings = f"for i in $(seq {DROPPED + 1}); do ping -q -c 1 -W 0.02 10.2.0.2; done; true"
    # The first stays as long as the others take.
    lasting = "r: sysctl net.netfilter.nf_conntrack_icmp_timeout=600"
    return f"{full(maximum)}\n{lasting}\na: $ {pings}"


TRAPS = (
    trap("room", ROUTED, full(1000), {TCP: SERVED, UDP: SERVED, PING: "answer"}, warm=[TCP]),
    trap("no room", ROUTED, full(1), {TCP: "timeout", UDP: "timeout", PING: "timeout"}, warm=[TCP]),
    trap("the router's own connections, too", ROUTED, full(1), {"a tcp 10.1.0.1": "timeout"}, warm=[TCP]),
    trap("many were dropped", ROUTED, asked_in_vain(1), {PING: "timeout | unknown"}),
    trap("as many had room", ROUTED, asked_in_vain(1000), {PING: "answer"}),
    trap("no maximum", ROUTED, full(0), {TCP: SERVED}, warm=[TCP]),
)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = ("iptable_filter", "xt_conntrack", "nf_conntrack")
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


def test_the_loss_has_its_reason(labs: GuestLabs) -> None:
    assert "conntrack.full" in labs.loss_codes("no room")


def test_what_was_dropped_is_told(labs: GuestLabs) -> None:
    told = labs.limits("many were dropped", "r")
    assert told.keys() == {"conntrack.dropped", "conntrack.full"}
    (line,) = told["conntrack.dropped"].evidence
    assert line == f"drop {DROPPED}, net.netfilter.nf_conntrack_max = 1"


def test_where_there_is_room_nothing_is_told(labs: GuestLabs) -> None:
    assert not labs.limits("as many had room", "r")
