"""A full table of neighbours, which only a kernel of one's own may be given: it is all namespaces' (K-91)."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import ROUTED, ROUTED6
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

TCP, UDP, PING = "a tcp 10.2.0.2", "a udp 10.2.0.2", "a icmp 10.2.0.2"
TCP6 = "a tcp fd02::2"
SERVED = "answer, b sees 10.1.0.2"
MAC = "02:00:00:00:ff:01"
PLENTY = 1024


def limited(most: int, *entries: str, family: int = 4, target: int = 0) -> str:
    """gc_thresh3 and gc_thresh2 of the kernel's one table, which only its first namespace may write, and
    entries of `r` beside."""
    other = 6 if family == 4 else 4
    settings = {f"ipv{family}": (target or most, most), f"ipv{other}": (PLENTY, PLENTY)}
    lines = [
        f"echo {value} > /proc/sys/net/{tree}/neigh/default/gc_thresh{number}"
        for tree, values in settings.items()
        for number, value in zip((2, 3), values, strict=True)
    ]
    written = "; ".join(lines)
    first = f"r: $ nsenter --net=/proc/1/ns/net sh -c '{written}'"
    # What is reachable does not give way, however long it takes until a packet comes.
    lasting = [f"r: sysctl net.ipv{tree}.neigh.p0.base_reachable_time_ms=3600000" for tree in (4, 6)]
    return "\n".join([*lasting, *(f"r: neigh add {entry}" for entry in entries), first])


def entries_in(state: str, *numbers: int) -> list[str]:
    return [f"10.1.0.{number} lladdr {MAC} dev p0 nud {state}" for number in numbers]


A_KNOWS = "a: neigh add 10.1.0.1 lladdr 02:00:00:00:01:02 dev eth0 nud permanent"
R_KNOWS_A = "r: neigh add 10.1.0.2 lladdr 02:00:00:00:01:01 dev p0 nud permanent"
R_KNOWS_B = "r: neigh add 10.2.0.2 lladdr 02:00:00:00:02:02 dev p1 nud permanent"
B_KNOWS = "b: neigh add 10.2.0.1 lladdr 02:00:00:00:02:01 dev eth0 nud permanent"
WAY = (A_KNOWS, R_KNOWS_A, R_KNOWS_B, B_KNOWS)
HELD = entries_in("reachable", 11, 12, 13, 14)

HELD6 = [f"fd01::{number} lladdr {MAC} dev p0 nud reachable" for number in range(11, 15)]


def lines(*more: str) -> str:
    return "\n".join(more)


TRAPS = (
    trap("room", ROUTED, limited(PLENTY, *HELD), {TCP: SERVED, UDP: SERVED, PING: "answer"}),
    trap("no room for the sender's gateway", ROUTED, limited(4, *HELD), {TCP: "timeout"}),
    trap("no room, by UDP", ROUTED, limited(4, *HELD), {UDP: "timeout"}),
    trap(
        "room for one, so the router does not answer, nor lo take the error",
        ROUTED,
        limited(5, *HELD),
        {TCP: "timeout"},
    ),
    trap("all of the way is known", ROUTED, lines(*WAY, limited(4, *HELD)), {TCP: SERVED, UDP: SERVED}),
    trap(
        "the way back is not known",
        ROUTED,
        lines(A_KNOWS, R_KNOWS_B, B_KNOWS, limited(4, *HELD)),
        {TCP: "timeout", PING: "timeout"},
    ),
    trap(
        "permanent entries do not count",
        ROUTED,
        limited(8, *entries_in("permanent", *range(11, 31))),
        {TCP: SERVED, PING: "answer"},
    ),
    trap(
        "what has failed gives way",
        ROUTED,
        lines("r: neigh add 10.1.0.15 dev p0 nud failed", limited(5, *HELD, target=1)),
        {"a tcp 10.1.0.1": "timeout"},
    ),
    trap(
        "enough of it gives way",
        ROUTED,
        lines(
            *(f"r: neigh add 10.1.0.{number} dev p0 nud failed" for number in range(20, 30)),
            limited(14, *HELD, target=4),
        ),
        {TCP: SERVED},
    ),
    trap(
        "IPv6: room", ROUTED6, limited(PLENTY, *HELD6, family=6), {TCP6: "answer, b sees fd01::2"}, ipv6=True
    ),
)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), ())


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


def test_the_loss_has_its_reason(labs: GuestLabs) -> None:
    assert "neighbour.table-full" in labs.loss_codes("no room for the sender's gateway")
