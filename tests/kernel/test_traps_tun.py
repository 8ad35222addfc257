"""tun and tap: without a program at its other end such a device has no carrier."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import Collected, trap_lab
from kubectl_skoop.testing.trap_networks import ROUTED
from kubectl_skoop.testing.trap_walk import loss_codes

pytestmark = pytest.mark.kernel

TCP = "a tcp 10.9.0.2"


def tun(mode: str) -> str:
    return f"r: tuntap add dev t0 mode {mode}\nr: link set t0 up\nr: addr add 10.9.0.1/24 dev t0"


IGNORED = "\nr: sysctl net.ipv4.conf.t0.ignore_routes_with_linkdown=1"
TRAPS = (
    trap("no program behind a tun", ROUTED, tun("tun"), {TCP: "timeout"}),
    trap("no program behind a tap", ROUTED, tun("tap"), {TCP: "no route to host, icmp 3/1 from 10.1.0.1"}),
    trap(
        "its route does not count without a carrier",
        ROUTED,
        tun("tun") + IGNORED,
        {TCP: "network is unreachable, icmp 3/0 from 10.1.0.1"},
    ),
    trap("its address is the host's", ROUTED, tun("tun"), {"a tcp 10.9.0.1": "answer, r sees 10.1.0.2"}),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(tested: Trap) -> None:
    assert not differences(tested)


def test_the_reason_is_the_carrier() -> None:
    with trap_lab(ROUTED, tun("tun")) as lab:
        collected = Collected.of(lab.dump())
    assert loss_codes(collected, parse_flow(TCP)) == {"device.down"}
