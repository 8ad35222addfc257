"""VLAN filtering of bridges, and VLAN devices, in the guest: the kernel of CI has neither."""

import sys
from pathlib import Path

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import BRIDGED, ROUTED
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

FILTERED = f"{BRIDGED}\nr: link set br0 type bridge vlan_filtering 1"
TCP, A_TO_B = "a tcp 10.2.0.2", "a tcp 10.1.0.3"
SERVED, LOST, TIMEOUT = "answer, b sees 10.1.0.2", "no route to host", "timeout"
BY_NODE = "answer, r sees 10.1.0.2"


def vlan(*commands: str) -> str:
    """Of bridge(8)."""
    return "\n".join(f"r: $ bridge vlan {command}" for command in commands)


def moved(port: str, number: int) -> str:
    """To another VLAN, without a tag."""
    return vlan(f"del dev {port} vid 1", f"add dev {port} vid {number} pvid untagged")


def tagged(host: str, address: str, number: int, *, master: str = "eth0") -> str:
    """The host has its address on a VLAN device."""
    name = f"{master}.{number}"
    return f"""{host}: link add link {master} name {name} type vlan id {number}
{host}: addr del {address} dev {master}
{host}: link set {name} up
{host}: addr add {address} brd + dev {name}"""


def twice(host: str, address: int, outer: int, inner: int) -> str:
    """The host has its address behind a service tag and another one."""
    return f"""{host}: link add link eth0 name s type vlan proto 802.1ad id {outer}
{host}: link add link s name c type vlan id {inner}
{host}: addr del 10.1.0.{address}/24 dev eth0
{host}: link set s up
{host}: link set c up
{host}: addr add 10.1.0.{address}/24 brd + dev c"""


SERVICE = FILTERED.replace("vlan_filtering 1", "vlan_filtering 1 vlan_protocol 802.1ad")


def option(name: str, device: str, *values: int) -> str:
    """What bridge(8) of iproute2 6.1 cannot set."""
    script = Path(__file__).with_name("mst_option.py")
    return f"r: $ {sys.executable} {script} {name} {device} {' '.join(map(str, values))}"


GROUPED = (
    BRIDGED.replace("type bridge", "type bridge vlan_default_pvid 0")
    + f"{option('enable', 'br0')}\nr: link set br0 type bridge vlan_filtering 1\n"
    + vlan(*(f"add dev {port} vid 1 pvid untagged" for port in ("pa", "pb", "pc")))
    + f"\n{vlan('add dev br0 vid 1 pvid untagged self')}\n{option('group', 'br0', 1, 7)}"
)
"""Multiple spanning trees: all are in VLAN 1, which is in group 7, whose states are those of the kernel"""
GROUPS = GROUPED + "".join(f"\n{option('state', port, 7, 3)}" for port in ("pa", "pb", "pc"))
TRUNK = vlan("del dev pb vid 1", "add dev pb vid 10")
B_TAGGED = tagged("b", "10.1.0.3/24", 10)
BOTH_IN_10 = moved("pa", 10) + "\n" + TRUNK + "\n" + B_TAGGED
ON_LINK = tagged("a", "10.1.0.2/24", 10) + "\n" + tagged("r", "10.1.0.1/24", 10, master="p0")
B_IS_KNOWN = "a: neigh add 10.1.0.3 lladdr 02:00:00:00:02:01 dev eth0 nud permanent"
DEFAULT = "a: route replace default via 10.1.0.1"

TRAPS = (
    trap("all in the default VLAN", FILTERED, "", {A_TO_B: SERVED, "a tcp 10.1.0.1": BY_NODE}),
    trap("the destination is in another VLAN", FILTERED, moved("pb", 10), {A_TO_B: LOST}),
    trap(
        "its MAC is known, and the port is in another VLAN",
        FILTERED,
        f"{moved('pb', 10)}\n{B_IS_KNOWN}",
        {"a udp 10.1.0.3": TIMEOUT},
    ),
    trap(
        "the frame has no VLAN",
        FILTERED,
        f"{vlan('del dev pa vid 1')}\n{B_IS_KNOWN}",
        {"a udp 10.1.0.3": TIMEOUT},
    ),
    trap("both are in another VLAN", FILTERED, moved("pa", 10) + "\n" + moved("pb", 10), {A_TO_B: SERVED}),
    trap("the node is not in it", FILTERED, moved("pa", 10), {"a tcp 10.1.0.1": LOST}),
    trap(
        "the bridge itself left the VLAN",
        FILTERED,
        vlan("del dev br0 vid 1 self"),
        {"a tcp 10.1.0.1": LOST, A_TO_B: SERVED},
    ),
    trap("a port without a PVID", FILTERED, vlan("add dev pa vid 1 untagged"), {A_TO_B: LOST}),
    trap("a port in no VLAN", FILTERED, vlan("del dev pb vid 1"), {A_TO_B: LOST}),
    trap(
        "no default VLAN",
        BRIDGED.replace("type bridge", "type bridge vlan_default_pvid 0"),
        "",
        {A_TO_B: SERVED},
    ),
    trap(
        "no default VLAN, and filtering",
        BRIDGED.replace("type bridge", "type bridge vlan_default_pvid 0"),
        "r: link set br0 type bridge vlan_filtering 1",
        {A_TO_B: LOST},
    ),
    trap("untagged to tagged", FILTERED, BOTH_IN_10, {A_TO_B: SERVED}),
    trap("a tag that the port does not know", FILTERED, moved("pa", 10) + "\n" + B_TAGGED, {A_TO_B: LOST}),
    trap(
        "asymmetric: the answer is in no VLAN of the asker",
        FILTERED,
        vlan("add dev pb vid 10 pvid untagged"),
        {A_TO_B: LOST},
    ),
    trap(
        "a range of VLANs",
        FILTERED,
        moved("pa", 10) + "\n" + vlan("add dev pb vid 5-15") + "\n" + B_TAGGED,
        {A_TO_B: SERVED},
    ),
    trap(
        "the node by a VLAN device on the bridge",
        FILTERED,
        moved("pa", 10)
        + "\n"
        + vlan("add dev br0 vid 10 self")
        + "\n"
        + tagged("r", "10.1.0.1/24", 10, master="br0"),
        {"a tcp 10.1.0.1": BY_NODE},
    ),
    trap(
        "the VLAN device, but the bridge is not in the VLAN",
        FILTERED,
        moved("pa", 10) + "\n" + tagged("r", "10.1.0.1/24", 10, master="br0"),
        {"a tcp 10.1.0.1": LOST},
    ),
    trap(
        "an entry that holds in another VLAN only",
        FILTERED,
        vlan("add dev pc vid 10") + "\nr: $ bridge fdb add 02:00:00:00:02:01 dev pc vlan 10 master static",
        {A_TO_B: SERVED},
    ),
    trap(
        "an entry that holds in this VLAN",
        FILTERED,
        "r: $ bridge fdb add 02:00:00:00:02:01 dev pc vlan 1 master static sticky",
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "tags pass a bridge that does not filter",
        BRIDGED,
        tagged("a", "10.1.0.2/24", 10) + "\n" + B_TAGGED,
        {A_TO_B: SERVED},
    ),
    trap("VLAN devices on both ends", ROUTED, f"{ON_LINK}\n{DEFAULT}", {TCP: SERVED}),
    trap(
        "a VLAN device on one end",
        ROUTED,
        tagged("r", "10.1.0.1/24", 10, master="p0"),
        {TCP: TIMEOUT},
    ),
    trap(
        "other VLANs",
        ROUTED,
        tagged("a", "10.1.0.2/24", 20) + "\n" + tagged("r", "10.1.0.1/24", 10, master="p0") + f"\n{DEFAULT}",
        {TCP: LOST},
    ),
    trap("a VLAN device that is down", ROUTED, f"{ON_LINK}\n{DEFAULT}\nr: link set p0.10 down", {TCP: LOST}),
    trap(
        "a VLAN device with a MAC of its own",
        ROUTED,
        f"{ON_LINK}\n{DEFAULT}\nr: link set p0.10 address 02:00:00:00:09:09",
        {TCP: SERVED},
    ),
    trap("its lower device is down", ROUTED, f"{ON_LINK}\n{DEFAULT}\nr: link set p0 down", {TCP: LOST}),
    trap("full packets", ROUTED, f"{ON_LINK}\n{DEFAULT}", {"a udp 10.2.0.2 size=1500 df": SERVED}),
    trap(
        "a port of a bridge that is a VLAN device",
        BRIDGED,
        "r: link add link pb name pb.10 type vlan id 10\nr: link set pb nomaster\n"
        f"r: link set pb.10 up master br0\n{B_TAGGED}",
        {A_TO_B: SERVED},
    ),
    trap("service tags", SERVICE, "", {A_TO_B: SERVED, "a tcp 10.1.0.1": BY_NODE}),
    trap("service tags, the destination is in another VLAN", SERVICE, moved("pb", 10), {A_TO_B: LOST}),
    trap(
        "a bridge with service tags takes other tags for payload",
        SERVICE,
        tagged("a", "10.1.0.2/24", 10) + "\n" + B_TAGGED,
        {A_TO_B: SERVED},
    ),
    trap(
        "the other side sees both tags",
        SERVICE,
        tagged("a", "10.1.0.2/24", 10) + "\n" + vlan("add dev pb vid 1 pvid") + "\n" + twice("b", 3, 1, 10),
        {A_TO_B: SERVED},
    ),
    trap(
        "the other side has another service tag",
        SERVICE,
        tagged("a", "10.1.0.2/24", 10) + "\n" + vlan("add dev pb vid 1 pvid") + "\n" + twice("b", 3, 2, 10),
        {A_TO_B: LOST},
    ),
    trap(
        "a bridge takes service tags for payload",
        FILTERED,
        twice("a", 2, 5, 10) + "\n" + twice("b", 3, 5, 10),
        {A_TO_B: SERVED},
    ),
    trap(
        "two tags, full packets",
        BRIDGED,
        twice("a", 2, 5, 10) + "\n" + twice("b", 3, 5, 10),
        {A_TO_B: SERVED, "a udp 10.1.0.3 size=1500 df": SERVED},
    ),
    trap(
        "two tags, another inner one",
        BRIDGED,
        twice("a", 2, 5, 10) + "\n" + twice("b", 3, 5, 11),
        {A_TO_B: LOST},
    ),
    trap(
        "two tags, of which the outer one is of the other kind",
        BRIDGED,
        twice("a", 2, 5, 10) + "\n" + twice("b", 3, 5, 10).replace("802.1ad", "802.1Q"),
        {A_TO_B: LOST},
    ),
    trap(
        "a's port is blocking in its VLAN",
        FILTERED,
        f"{B_IS_KNOWN}\n{vlan('set dev pa vid 1 state 4')}",
        {"a udp 10.1.0.3": TIMEOUT, "a udp 10.1.0.1": TIMEOUT},
    ),
    trap("it is learning there", FILTERED, vlan("set dev pa vid 1 state 2"), {A_TO_B: LOST}),
    trap(
        "b's port is blocking in its VLAN",
        FILTERED,
        f"{B_IS_KNOWN}\n{vlan('set dev pb vid 1 state 4')}",
        {"a udp 10.1.0.3": TIMEOUT, "a tcp 10.1.0.1": BY_NODE},
    ),
    trap(
        "it is blocking in another VLAN",
        FILTERED,
        vlan("add dev pb vid 5", "set dev pb vid 5 state 4"),
        {A_TO_B: SERVED},
    ),
    trap(
        "blocking in a VLAN of a bridge that does not filter",
        FILTERED,
        vlan("set dev pa vid 1 state 4") + "\nr: link set br0 type bridge vlan_filtering 0",
        {A_TO_B: SERVED},
    ),
    trap("MST: a group begins with closed ports", GROUPED, "", {A_TO_B: LOST}),
    trap("MST, all forwarding", GROUPS, "", {A_TO_B: SERVED, "a tcp 10.1.0.1": BY_NODE}),
    trap(
        "MST: the port is blocking, its VLAN is of another group",
        GROUPS,
        "r: $ bridge link set dev pb state 4",
        {A_TO_B: SERVED},
    ),
    trap(
        "MST: the group is blocking at the port",
        GROUPS,
        option("state", "pb", 7, 4),
        {A_TO_B: LOST, "a tcp 10.1.0.1": BY_NODE},
    ),
    trap(
        "MST: another group is blocking at the port",
        GROUPS,
        vlan("add dev pb vid 5") + "\n" + option("group", "br0", 5, 8) + "\n" + option("state", "pb", 8, 4),
        {A_TO_B: SERVED},
    ),
    trap(
        "MST, and no VLANs are told apart",
        GROUPS,
        "r: $ bridge link set dev pb state 4\nr: link set br0 type bridge vlan_filtering 0",
        {A_TO_B: SERVED},
    ),
)
CODES = {"the frame has no VLAN": "bridge.vlan", "a's port is blocking in its VLAN": "bridge.port-down"}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), ("8021q", "br_netfilter"))


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)


def test_where_all_arrives_nothing_is_lost(labs: GuestLabs) -> None:
    assert not labs.loss_codes("all in the default VLAN")
