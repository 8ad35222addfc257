"""bond: what the guest's kernel and the walk make of its ports."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import awaited
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest


def counted(what: str, times: int) -> str:
    """Until a's bond says so of itself and its ports."""
    return awaited("a", f"[ $(grep -c '{what}' /proc/net/bonding/bond0) = {times} ]") + "\n"


TWO = """
wire a:p1 s:a1
wire a:p2 s:a2
wire b:eth0 s:b0
s: link add br0 address 02:00:00:00:00:aa type bridge
s: link set a1 master br0
s: link set a2 master br0
s: link set b0 master br0
s: link set br0 up
a: link set p1 down
a: link set p2 down
a: link add bond0 address 02:00:00:00:00:bb type bond MODE
a: link set p1 master bond0
a: link set p2 master bond0
a: link set bond0 up
a: addr add 10.1.0.2/24 dev bond0
b: addr add 10.1.0.3/24 dev eth0
""" + counted("us: up", 3)
"""a's bond of two ports on the switch s, with b 10.1.0.3"""
TCP, SERVED, LOST = "a tcp 10.1.0.3", "answer, b sees 10.1.0.2", "no route to host"
BACK, BACK_SERVED = "b tcp 10.1.0.2", "answer, a sees 10.1.0.3"


def bond(mode: str) -> str:
    return TWO.replace("MODE", mode)


BACKUP = bond("mode active-backup miimon 10 primary p1")
VLAN = """
wire a:p1 b:p1
a: link set p1 down
a: link add bond0 type bond mode active-backup miimon 10
a: link set p1 master bond0
a: link set bond0 up
a: link add link bond0 name v7 type vlan id 7
a: link set v7 up
a: addr add 10.7.0.1/24 dev v7
b: link add link p1 name v7 type vlan id 7
b: link set v7 up
b: addr add 10.7.0.2/24 dev v7
"""
OTHER_VLAN = VLAN.replace("link p1 name v7 type vlan id 7", "link p1 name v7 type vlan id 8")
RR, BROADCAST = bond("mode balance-rr miimon 10"), bond("mode broadcast miimon 10")
LACP = """
wire a:p1 b:q1
wire a:p2 b:q2
a: link set p1 down
a: link set p2 down
b: link set q1 down
b: link set q2 down
a: link add bond0 type bond mode 802.3ad miimon 10 lacp_rate fast
b: link add bond0 type bond mode 802.3ad miimon 10 lacp_rate fast
a: link set p1 master bond0
a: link set p2 master bond0
b: link set q1 master bond0
b: link set q2 master bond0
a: link set bond0 up
b: link set bond0 up
a: addr add 10.1.0.2/24 dev bond0
b: addr add 10.1.0.3/24 dev bond0
""" + counted("port state: 63", 4)
NO_CARRIER = "s: link set a1 down\ns: link set a2 down\n" + counted("us: down", 3)

TRAPS = (
    trap("active-backup", BACKUP, "", {TCP: SERVED, BACK: BACK_SERVED}),
    trap("the other port is chosen", BACKUP, "a: link set bond0 type bond active_slave p2", {TCP: SERVED}),
    trap("the active port leads nowhere", BACKUP, "s: link set a1 nomaster", {TCP: LOST}),
    trap("no port has a carrier", BACKUP, NO_CARRIER, {TCP: LOST}),
    trap(
        "a neighbour entry leads to the port that is not in use",
        BACKUP,
        "s: link set a1 nomaster\nb: neigh add 10.1.0.2 lladdr 02:00:00:00:00:bb dev eth0 nud permanent",
        {"b udp 10.1.0.2": "timeout"},
    ),
    trap("xor", bond("mode balance-xor miimon 10"), "", {BACK: BACK_SERVED}),
    trap("broadcast, one works", BROADCAST, "s: link set a2 down\n" + counted("us: down", 1), {TCP: SERVED}),
    trap("in turn, with one port", RR, "a: link set p2 nomaster", {TCP: SERVED, BACK: BACK_SERVED}),
    trap("tlb", bond("mode balance-tlb miimon 10 primary p1"), "", {TCP: SERVED, BACK: BACK_SERVED}),
    trap(
        "tlb, the other side knows the MAC of the port that is not active",
        bond("mode balance-tlb miimon 10 primary p1"),
        "b: neigh add 10.1.0.2 lladdr 02:00:00:00:02:01 dev eth0 nud permanent",
        {"b udp 10.1.0.2": "timeout"},
    ),
    trap("alb", bond("mode balance-alb miimon 10 primary p1"), "", {TCP: SERVED, BACK: BACK_SERVED}),
    trap(
        "alb, the other side knows the MAC of the port that is not active",
        bond("mode balance-alb miimon 10 primary p1"),
        "b: neigh add 10.1.0.2 lladdr 02:00:00:00:02:01 dev eth0 nud permanent",
        {"b udp 10.1.0.2": "answer, a sees 10.1.0.3"},
    ),
    trap("lacp with a partner", LACP, "", {TCP: SERVED, BACK: BACK_SERVED}),
    trap("lacp without a partner", bond("mode 802.3ad miimon 10"), "a: $ sleep 0.5", {TCP: SERVED}),
    trap(
        "lacp without a partner, the port that is used leads nowhere",
        bond("mode 802.3ad miimon 10"),
        "s: link set a1 nomaster\na: $ sleep 0.5",
        {TCP: LOST},
    ),
    trap(
        "nobody looks at the ports, and none is up",
        bond("mode balance-rr miimon 0"),
        "a: link set p1 down\na: link set p2 down",
        {TCP: LOST},
    ),
    trap("a VLAN on a bond", VLAN, "", {"a tcp 10.7.0.2": "answer, b sees 10.7.0.1"}),
    trap("another VLAN on the bond", OTHER_VLAN, "", {"b tcp 10.7.0.1": LOST}),
)
CODES = {
    "the active port leads nowhere": "neighbour.unresolved",
    "no port has a carrier": "device.down",
    "a neighbour entry leads to the port that is not in use": "bond.inactive-port",
    "tlb, the other side knows the MAC of the port that is not active": "bond.inactive-port",
    "another VLAN on the bond": "device.no-vlan",
    "nobody looks at the ports, and none is up": "bond.no-port",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), ("bonding", "8021q"))


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
