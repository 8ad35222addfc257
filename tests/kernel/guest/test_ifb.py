"""tc's redirect to an ifb, as the bandwidth plugin sets it up: the guest's kernel and the walk (K-28)."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import ROUTED
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

TCP, SERVED = "a tcp 10.2.0.2", "answer, b sees 10.1.0.2"
ALL = "u32 match u32 0 0"
TO_IFB = "action mirred egress redirect dev bw0"


def filtered(match: str, action: str = TO_IFB, protocol: str = "all") -> str:
    """An ifb, and a filter for what comes in from a."""
    return (
        "r: link add bw0 type ifb\nr: link set bw0 up\nr: $ tc qdisc add dev p0 handle ffff: ingress\n"
        f"r: $ tc filter add dev p0 parent ffff: protocol {protocol} prio 1 {match} {action}\n"
    )


BANDWIDTH = filtered(ALL) + "r: $ tc qdisc add dev bw0 root tbf rate 100mbit burst 64kb latency 50ms\n"
TRAPS = (
    trap("bandwidth", ROUTED, BANDWIDTH, {TCP: SERVED, "a tcp 10.2.0.2 bulk": SERVED}),
    trap("the ifb is down", ROUTED, BANDWIDTH + "r: link set bw0 down", {TCP: "no route to host"}),
    trap("by matchall", ROUTED, filtered("matchall"), {TCP: SERVED}),
    trap(
        "by clsact",
        ROUTED,
        filtered(ALL).replace("handle ffff: ingress", "clsact").replace("parent ffff:", "ingress"),
        {TCP: SERVED},
    ),
    trap(
        "to another device",
        ROUTED,
        filtered("matchall", "action mirred egress redirect dev p1"),
        {TCP: "no route to host"},
    ),
    trap("routed into an ifb", ROUTED, BANDWIDTH + "r: route replace 10.2.0.0/24 dev bw0", {TCP: "timeout"}),
    trap("another action", ROUTED, filtered("matchall", "action drop"), {TCP: "no route to host | unknown"}),
    trap("one protocol", ROUTED, filtered(ALL, protocol="ipv6"), {TCP: f"{SERVED} | unknown"}),
    trap(
        "some packets",
        ROUTED,
        filtered("u32 match ip dst 10.9.0.0/16", protocol="ip"),
        {TCP: f"{SERVED} | unknown"},
    ),
    trap(
        "a second filter",
        ROUTED,
        filtered(ALL) + "r: $ tc filter add dev p0 parent ffff: protocol all prio 2 matchall action drop",
        {TCP: f"{SERVED} | unknown"},
    ),
)
CODES = {"the ifb is down": "device.down", "routed into an ifb": "device.no-peer"}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = ("ifb", "sch_ingress", "sch_tbf", "cls_u32", "cls_matchall", "act_mirred", "act_gact")
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
