"""vxlan devices that answer for neighbours, or tell a daemon what they lack, against the kernel."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap

pytestmark = pytest.mark.kernel

A_TO_B = "a tcp 10.1.0.3"
SERVED, LOST, TIMEOUT = "answer, b sees 10.1.0.2", "no route to host", "timeout"
MAC_A, MAC_B = "02:00:00:00:01:01", "02:00:00:00:03:02"


def end(host: str, local: str, remote: str, options: str = "") -> str:
    """A bridge with a port to the pod and one to the other node."""
    return f"""
{host}: addr add {local}/24 dev u
{host}: link add vx type vxlan id 1 local {local} dev u dstport 8472 {options}
{host}: link add br0 type bridge
{host}: link set p master br0
{host}: link set vx master br0 up
{host}: link set br0 up
{host}: $ bridge fdb append 00:00:00:00:00:00 dev vx dst {remote}
"""


def stretched(options: str = "") -> str:
    """a 10.1.0.2 and b 10.1.0.3 in one segment; `options` of the vxlan device on a's node."""
    return f"""
wire a:eth0 m:p
wire m:u n:u
wire n:p b:eth0
a: addr add 10.1.0.2/24 dev eth0
b: addr add 10.1.0.3/24 dev eth0
{end("m", "192.168.0.1", "192.168.0.2", options)}
{end("n", "192.168.0.2", "192.168.0.1")}
"""


KNOWN = f"m: neigh add 10.1.0.3 lladdr {MAC_B} dev vx nud permanent"
B_KNOWS = f"b: neigh add 10.1.0.2 lladdr {MAC_A} dev eth0"
SILENT = "b: sysctl net.ipv4.conf.eth0.arp_ignore=8"
WITHOUT_FLOOD = "m: $ bridge fdb del 00:00:00:00:00:00 dev vx dst 192.168.0.2"
TRAPS = (
    trap("asked across", stretched(), "", {A_TO_B: SERVED}, warm=["a icmp 10.1.0.3"]),
    trap("answered by proxy", stretched("proxy"), f"{KNOWN}\n{SILENT}\n{B_KNOWS}", {A_TO_B: SERVED}),
    trap("a proxy that does not know asks nobody", stretched("proxy"), "", {A_TO_B: LOST}),
    trap(
        "nor does it answer by a stale entry",
        stretched("proxy"),
        KNOWN.replace("permanent", "stale"),
        {A_TO_B: LOST},
    ),
    trap("a wrong entry", stretched("proxy"), KNOWN.replace(MAC_B, "02:00:00:00:09:09"), {A_TO_B: TIMEOUT}),
    trap("answers do not leave by a proxy", stretched("proxy"), "", {"b tcp 10.1.0.2": LOST}),
    trap("short cuts past a gateway are not modelled", stretched("rsc"), "", {A_TO_B: f"{SERVED} | unknown"}),
    trap("no remote, and nobody is told", stretched(), WITHOUT_FLOOD, {A_TO_B: LOST}),
    trap("ARP that is flooded to nobody tells no daemon", stretched("l2miss"), WITHOUT_FLOOD, {A_TO_B: LOST}),
    trap(
        "a daemon is told",
        stretched("l2miss"),
        f"{WITHOUT_FLOOD}\na: neigh add 10.1.0.3 lladdr {MAC_B} dev eth0",
        {A_TO_B: f"{TIMEOUT} | unknown"},
    ),
    trap("a daemon is asked for a neighbour", stretched("proxy l3miss"), "", {A_TO_B: f"{LOST} | unknown"}),
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
