"""The backlog of a processor, whose length only a kernel of one's own may be given."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import BRIDGED
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

PORTS = 12
"""Of the bridge beside those of the hosts: each gets a copy of a frame to all, at once."""
FRAMES = 20
PLENTY = 1000
FLOODED = BRIDGED + "".join(
    f"wire r:x{port} d:y{port}\nr: link set x{port} master br0\n" for port in range(PORTS)
)


def flooded(backlog: int) -> str:
    """The setting is the kernel's own, which only its first namespace has."""
    lines = (
        limited(backlog),
        f"a: $ ping -q -b -c {FRAMES} -i 0.01 -W 0.1 10.1.0.255; true",
        limited(PLENTY),
    )
    return "\n".join(lines)


def limited(backlog: int) -> str:
    setting = f"echo {backlog} > /proc/sys/net/core/netdev_max_backlog"
    return f"r: $ nsenter --net=/proc/1/ns/net sh -c '{setting}'"


PING = {"a icmp 10.1.0.1": "answer"}
TRAPS = (
    trap("room for all", FLOODED, flooded(PLENTY), PING),
    trap("room for one", FLOODED, flooded(1), PING),
)
"""In this order: the counters are those of the boot."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), ("br_netfilter",))


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


def test_what_found_the_backlog_full_is_told(labs: GuestLabs) -> None:
    told = labs.limits("room for one", "r")["node.backlog"]
    (line,) = told.evidence
    assert int(line.split(" dropped ")[1]) >= FRAMES * (PORTS - 2)


def test_where_there_is_room_nothing_is_told(labs: GuestLabs) -> None:
    assert not labs.limits("room for all", "r")
