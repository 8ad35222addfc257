"""vlan, macvlan, macvtap and ipvlan: what the guest's kernel and the walk make of them."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

WIRE = """
wire a:eth0 b:eth0
"""
VLAN = (
    WIRE
    + """
a: link add link eth0 name v7 address 02:00:00:00:07:01 type vlan id 7
b: link add link eth0 name v7 address 02:00:00:00:07:02 type vlan id 7
a: addr add 10.7.0.1/24 dev v7
b: addr add 10.7.0.2/24 dev v7
a: link set v7 up
b: link set v7 up
"""
)
TCP, SERVED = "a tcp 10.7.0.2", "answer, b sees 10.7.0.1"
NEAR = "no route to host"
POD = """
wire h:eth0 out:eth0
h: addr add 10.8.0.1/24 dev eth0
h: link add link eth0 name m1 netns {p} address 02:00:00:00:08:01 type TYPE
h: link add link eth0 name m2 netns {q} address 02:00:00:00:08:02 type TYPE
p: link set m1 name eth0
q: link set m2 name eth0
p: addr add 10.8.0.2/24 dev eth0
q: addr add 10.8.0.3/24 dev eth0
p: link set eth0 up
q: link set eth0 up
out: addr add 10.8.0.9/24 dev eth0
"""
"""h with eth0 10.8.0.1 to out 10.8.0.9; p 10.8.0.2 and q 10.8.0.3 are on top of its eth0"""


def on_top(kind: str) -> str:
    return POD.replace("TYPE", kind)


def seen(host: str, address: str) -> str:
    return f"answer, {host} sees {address}"


INSIDE = {"p tcp 10.8.0.3": seen("q", "10.8.0.2")}
OUTSIDE = {"p tcp 10.8.0.9": seen("out", "10.8.0.2"), "out tcp 10.8.0.2": seen("p", "10.8.0.9")}
TO_HOST = {"p tcp 10.8.0.1": NEAR, "h tcp 10.8.0.2": NEAR}
APART = {"p tcp 10.8.0.3": NEAR}
PASSTHRU = """
wire h:eth0 out:eth0
h: addr add 10.8.0.1/24 dev eth0
h: link add link eth0 name m1 netns {p} type macvlan mode passthru
p: link set m1 name eth0
p: addr add 10.8.0.2/24 dev eth0
p: link set eth0 up
out: addr add 10.8.0.9/24 dev eth0
"""
OUT, STRANGE = "02:00:00:00:01:02", "02:00:00:00:08:77"


def of_sources(*macs: str) -> str:
    """Of p's device in mode source."""
    listed = "".join(f"p: link set link dev eth0 type macvlan macaddr add {one}\n" for one in macs)
    return on_top("macvlan mode source") + listed.replace("set link dev", "set dev")


TRAPS = (
    trap("a VLAN at both ends", VLAN, "", {TCP: SERVED, "a icmp 10.7.0.2": "answer"}),
    trap(
        "another VLAN at the other end",
        VLAN.replace("07:02 type vlan id 7", "07:02 type vlan id 8"),
        "",
        {TCP: NEAR},
    ),
    trap("the VLAN device of the receiver is down", VLAN, "b: link set v7 down", {TCP: NEAR}),
    trap("no tag at the other end", VLAN, "b: link del v7\nb: addr add 10.7.0.2/24 dev eth0", {TCP: NEAR}),
    trap(
        "a VLAN device in another namespace than its NIC",
        VLAN,
        "b: link set v7 netns {c}\nc: addr add 10.7.0.3/24 dev v7\nc: link set v7 up",
        {"a tcp 10.7.0.3": seen("c", "10.7.0.1"), "c tcp 10.7.0.1": seen("a", "10.7.0.3")},
    ),
    trap(
        "as large as a VLAN device takes",
        VLAN,
        "",
        {"a udp 10.7.0.2 size=1500 df": SERVED},
    ),
    trap("macvlan in mode bridge", on_top("macvlan mode bridge"), "", {**INSIDE, **OUTSIDE, **TO_HOST}),
    trap("macvlan in mode private", on_top("macvlan mode private"), "", {**APART, **OUTSIDE, **TO_HOST}),
    trap("macvlan in mode vepa", on_top("macvlan mode vepa"), "", {**APART, **OUTSIDE}),
    trap("macvlan in mode passthru", PASSTHRU, "", {**OUTSIDE, "h tcp 10.8.0.2": NEAR}),
    trap(
        "the address of the device below, in mode passthru",
        PASSTHRU,
        "",
        {"out tcp 10.8.0.1": "timeout"},
    ),
    trap(
        "another MAC, in mode passthru",
        PASSTHRU,
        "out: neigh add 10.8.0.2 lladdr 02:00:00:00:08:77 dev eth0",
        {"out udp 10.8.0.2": seen("p", "10.8.0.9")},
    ),
    trap("macvlan in mode source", of_sources(OUT), "", {**OUTSIDE, **TO_HOST, **APART}),
    trap("macvlan in mode source, without the MAC", of_sources(STRANGE), "", {"out tcp 10.8.0.2": NEAR}),
    trap(
        "macvlan in mode source hears no answer of another MAC",
        of_sources(STRANGE),
        "",
        {"p tcp 10.8.0.9": NEAR},
    ),
    trap(
        "macvlan in mode source, without the MAC, past ARP",
        of_sources(STRANGE),
        "out: neigh add 10.8.0.2 lladdr 02:00:00:00:08:01 dev eth0",
        {"out udp 10.8.0.2": "timeout"},
    ),
    trap(
        "a macvtap that no program holds", on_top("macvtap mode bridge"), "", {**INSIDE, **OUTSIDE, **TO_HOST}
    ),
    trap(
        "a macvtap with an address that only a program can have",
        PASSTHRU.replace("macvlan", "macvtap"),
        "out: neigh add 10.8.0.7 lladdr 02:00:00:00:01:01 dev eth0 nud permanent",
        {"out tcp 10.8.0.7": "timeout | unknown"},
    ),
    trap(
        "a macvlan device that is down",
        on_top("macvlan mode bridge"),
        "p: link set eth0 down",
        {"q tcp 10.8.0.2": NEAR},
    ),
    trap(
        "the device below is down",
        on_top("macvlan mode bridge"),
        "h: link set eth0 down",
        {"p tcp 10.8.0.3": NEAR},
    ),
)
IPVLAN = on_top("ipvlan mode l2 bridge")
IPVLANS = (
    trap("ipvlan in mode l2", IPVLAN, "", {**INSIDE, **OUTSIDE, **TO_HOST}),
    trap("ipvlan, private", on_top("ipvlan mode l2 private"), "", {"p udp 10.8.0.3": "timeout", **OUTSIDE}),
    trap("ipvlan, vepa", on_top("ipvlan mode l2 vepa"), "", {"p udp 10.8.0.3": "timeout", **OUTSIDE}),
    trap("an ipvlan that is down", IPVLAN, "q: link set eth0 down", {"p tcp 10.8.0.3": NEAR}),
    trap("an ipvlan without an address", IPVLAN, "q: addr flush dev eth0", {"out tcp 10.8.0.3": NEAR}),
)
ALL = (*TRAPS, *IPVLANS)
CODES = {
    "another VLAN at the other end": "device.no-vlan",
    "the VLAN device of the receiver is down": "device.down",
    "no tag at the other end": "device.no-vlan",
    "macvlan in mode private": "neighbour.unresolved",
    "macvlan in mode source, without the MAC, past ARP": "neighbour.other-host",
    "a macvlan device that is down": "device.down",
    "a macvtap with an address that only a program can have": "device.program",
    "ipvlan, private": "device.private",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(ALL, tmp_path_factory.mktemp("guest"), ("8021q", "macvlan", "ipvlan"))


@pytest.mark.parametrize("tested", ALL, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
