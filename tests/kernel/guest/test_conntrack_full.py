"""A full table of connections, which only a kernel of one's own may be given."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import ROUTED
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

TCP, UDP, PING = "a tcp 10.2.0.2", "a udp 10.2.0.2", "a icmp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"


def full(maximum: int) -> str:
    """One maximum counts for all namespaces, and the first alone may write it."""
    setting = f"echo {maximum} > /proc/sys/net/netfilter/nf_conntrack_max"
    return (
        "r: $ iptables-legacy -A FORWARD -m conntrack --ctstate INVALID -j DROP\n"
        f"r: $ nsenter --net=/proc/1/ns/net sh -c '{setting}'"
    )


TRAPS = (
    trap("room", ROUTED, full(1000), {TCP: SERVED, UDP: SERVED, PING: "answer"}, warm=[TCP]),
    trap("no room", ROUTED, full(1), {TCP: "timeout", UDP: "timeout", PING: "timeout"}, warm=[TCP]),
    trap("the router's own connections, too", ROUTED, full(1), {"a tcp 10.1.0.1": "timeout"}, warm=[TCP]),
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
