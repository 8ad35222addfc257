"""vxlan in external mode, and routes that say where to: what the kernel and the walk make of it."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import Collected, trap_lab
from kubectl_skoop.testing.trap_walk import loss_codes
from tests.kernel.guest.test_ip_tunnels import PLAIN, SERVED, TCP

pytestmark = pytest.mark.kernel

DEVICES = (
    PLAIN
    + """
m: link add vx address 02:00:00:00:00:a1 type vxlan external dstport 4789
m: link set vx mtu 1450 up
m: neigh add 10.9.0.2 lladdr 02:00:00:00:00:a2 dev vx nud permanent
n: link add vx address 02:00:00:00:00:a2 type vxlan external dstport 4789
n: link set vx mtu 1450 up
n: neigh add 10.9.0.1 lladdr 02:00:00:00:00:a1 dev vx nud permanent
"""
)


def routes(there: str = "encap ip id 7 dst 192.168.0.2", back: str = "encap ip id 7 dst 192.168.0.1") -> str:
    return (
        f"m: route add 10.2.0.0/24 {there} via 10.9.0.2 dev vx onlink\n"
        f"n: route add 10.1.0.0/24 {back} via 10.9.0.1 dev vx onlink\n"
    )


OWN = """n: link del vx
n: link add vx address 02:00:00:00:00:a2 type vxlan id VNI local 192.168.0.2 dstport 4789
n: link set vx mtu 1450 up
n: $ bridge fdb append 02:00:00:00:00:a1 dev vx dst 192.168.0.1
n: neigh add 10.9.0.1 lladdr 02:00:00:00:00:a1 dev vx nud permanent
n: route add 10.1.0.0/24 via 10.9.0.1 dev vx onlink
"""
LOST = "timeout"
TRAPS = (
    trap(
        "routes that say where to",
        DEVICES + routes(),
        "",
        {TCP: SERVED, "b tcp 10.1.0.2": "answer, a sees 10.2.0.2"},
    ),
    trap(
        "another VNI for the answers",
        DEVICES + routes(back="encap ip id 8 dst 192.168.0.1"),
        "",
        {TCP: SERVED},
    ),
    trap("a remote that nobody has", DEVICES + routes("encap ip id 7 dst 192.168.0.9"), "", {TCP: LOST}),
    trap("no route to the remote", DEVICES + routes("encap ip id 7 dst 172.16.0.9"), "", {TCP: LOST}),
    trap("the other side has a VNI of its own", DEVICES + routes(), OWN.replace("VNI", "7"), {TCP: SERVED}),
    trap("the other side has another VNI", DEVICES + routes(), OWN.replace("VNI", "9"), {TCP: LOST}),
    trap(
        "a source of its own",
        DEVICES + routes("encap ip id 7 src 192.168.0.1 dst 192.168.0.2"),
        "",
        {TCP: SERVED},
    ),
    trap(
        "a source that is another's",
        DEVICES + routes("encap ip id 7 src 192.168.0.7 dst 192.168.0.2"),
        "",
        {TCP: LOST},
    ),
    trap("a route that says nothing", DEVICES + routes(""), "", {TCP: f"{LOST} | unknown"}),
)
CODES = {
    "a remote that nobody has": "neighbour.unresolved",
    "no route to the remote": "route.none",
    "the other side has another VNI": "tunnel.closed",
}


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(tested: Trap) -> None:
    assert not differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(title: str, code: str) -> None:
    tested = next(one for one in TRAPS if one.title == title)
    with trap_lab(tested.network, tested.condition) as lab:
        collected = Collected.of(lab.dump())
    assert code in loss_codes(collected, parse_flow(TCP))
