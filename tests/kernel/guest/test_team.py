"""team: what the guest's kernel and the walk make of its ports. A script sets what a daemon (teamd) would."""

import sys
from pathlib import Path

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

MODES = ("activebackup", "broadcast", "loadbalance", "roundrobin", "random")
TWO = """
wire a:p1 s:a1
wire a:p2 s:a2
wire b:eth0 s:b0
s: link add br0 address 02:00:00:00:00:aa type bridge
s: link set a1 master br0
s: link set a2 master br0
s: link set b0 master br0
s: link set br0 up
a: link set p1 down address 02:00:00:00:00:bb
a: link set p2 down address 02:00:00:00:00:bb
a: link add team0 address 02:00:00:00:00:bb type team
MODE
a: link set p1 master team0
a: link set p2 master team0
a: link set p1 up
a: link set p2 up
a: link set team0 up
a: addr add 10.1.0.2/24 dev team0
b: addr add 10.1.0.3/24 dev eth0
"""
"""a's team of two ports with its MAC on the switch s, with b 10.1.0.3"""
TCP, SERVED, LOST = "a tcp 10.1.0.3", "answer, b sees 10.1.0.2", "no route to host"
BACK, BACK_SERVED = "b tcp 10.1.0.2", "answer, a sees 10.1.0.3"
KNOWN = "b: neigh add 10.1.0.2 lladdr 02:00:00:00:00:bb dev eth0 nud permanent"


def option(name: str, value: str, port: str = "") -> str:
    return f"a: $ {sys.executable} {Path(__file__).with_name('team_option.py')} team0 {name} {value} {port}"


def team(mode: str) -> str:
    return TWO.replace("MODE", option("mode", mode) if mode else "")


BACKUP, TURNS = team("activebackup"), team("roundrobin")
P1, NO_P2 = option("activeport", "p1"), "a: link set p2 nomaster"

TRAPS = (
    trap("without a mode", team(""), "", {TCP: LOST, "a udp 10.1.0.3": "timeout"}),
    trap("somebody asks one without a mode", team(""), "", {"b udp 10.1.0.2": "timeout"}),
    trap("activebackup", BACKUP, P1, {TCP: SERVED, BACK: BACK_SERVED}),
    trap(
        "the port in use has a MAC of its own, as the kernel leaves it in this mode",
        BACKUP,
        f"{P1}\na: link set p1 address 02:00:00:00:00:b1",
        {TCP: LOST},
    ),
    trap("no port was chosen", BACKUP, "", {TCP: LOST}),
    trap("the other port is chosen", BACKUP, option("activeport", "p2"), {TCP: SERVED}),
    trap("the active port leads nowhere", BACKUP, f"{P1}\ns: link set a1 nomaster", {TCP: LOST}),
    trap("the active port is not enabled", BACKUP, f"{P1}\n{option('enabled', '0', 'p1')}", {TCP: LOST}),
    trap(
        "a neighbour entry leads to the port that is not in use",
        BACKUP,
        f"{P1}\ns: link set a1 nomaster\n{KNOWN}",
        {"b udp 10.1.0.2": "timeout"},
    ),
    trap("in turn, with one port", TURNS, NO_P2, {TCP: SERVED, BACK: BACK_SERVED}),
    trap("in turn, one port is not enabled", TURNS, option("enabled", "0", "p2"), {TCP: SERVED}),
    trap("in turn, one port has no carrier", TURNS, "s: link set a2 down\na: $ sleep 0.2", {TCP: SERVED}),
    trap(
        "in turn, a daemon says that one has no link",
        TURNS,
        option("user_linkup_enabled", "1", "p2") + "\n" + option("user_linkup", "0", "p2"),
        {TCP: SERVED},
    ),
    trap(
        "in turn, what comes in by a port that is not enabled",
        TURNS,
        option("enabled", "0", "p2") + f"\ns: link set a1 nomaster\n{KNOWN}",
        {"b udp 10.1.0.2": "timeout"},
    ),
    trap("by chance, with one port", team("random"), NO_P2, {TCP: SERVED}),
    trap("by a hash, with one port", team("loadbalance"), NO_P2, {TCP: SERVED, BACK: BACK_SERVED}),
    trap(
        "by a hash, no port is enabled",
        team("loadbalance"),
        "\n".join(option("enabled", "0", port) for port in ("p1", "p2")),
        {TCP: LOST},
    ),
    trap(
        "a port for a queue",
        TURNS,
        f"{option('queue_id', '1', 'p2')}\na: link set p1 nomaster",
        {TCP: f"{SERVED} | unknown"},
    ),
    trap("broadcast, one works", team("broadcast"), "s: link set a2 down\na: $ sleep 0.2", {TCP: SERVED}),
)
CODES = {
    "without a mode": "bond.no-port",
    "no port was chosen": "bond.no-port",
    "the active port leads nowhere": "neighbour.unresolved",
    "a neighbour entry leads to the port that is not in use": "bond.inactive-port",
    "in turn, what comes in by a port that is not enabled": "bond.inactive-port",
    "by a hash, no port is enabled": "bond.no-port",
    "a port for a queue": "device.unmodelled",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = ("team", *(f"team_mode_{mode}" for mode in MODES))
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
