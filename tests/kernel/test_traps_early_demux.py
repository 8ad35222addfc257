"""Answers to a socket of the node that routes lead on, as of AWS' pods with security groups (K-90)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import ROUTED

pytestmark = pytest.mark.kernel

LED_ON = f"""{ROUTED}
r: rule add lookup local priority 20
r: rule del lookup local priority 0
r: rule add iif p0 lookup 100 priority 10
r: route add default via 10.2.0.2 dev p1 table 100
r: sysctl net.ipv4.conf.all.rp_filter=0
r: sysctl net.ipv4.conf.p0.rp_filter=0
r: sysctl net.ipv4.conf.p1.rp_filter=0
b: sysctl net.ipv4.ip_forward=1
b: sysctl net.ipv4.conf.all.send_redirects=0
b: sysctl net.ipv4.conf.eth0.send_redirects=0
"""
"""What r gets of a goes by b, and comes back."""
TCP, UDP = "r tcp 10.1.0.2", "r udp 10.1.0.2"
ANSWER = "answer, a sees 10.1.0.1"

TRAPS = (
    trap("the socket is found first", LED_ON, "", {TCP: "timeout", UDP: "timeout, a sees 10.1.0.1"}),
    trap("without it for TCP", LED_ON, "r: sysctl net.ipv4.tcp_early_demux=0", {TCP: ANSWER}),
    trap("without it for UDP", LED_ON, "r: sysctl net.ipv4.udp_early_demux=0", {UDP: ANSWER, TCP: "timeout"}),
    trap("without it", LED_ON, "r: sysctl net.ipv4.ip_early_demux=0", {TCP: ANSWER, UDP: ANSWER}),
    trap("echoes have no such socket", LED_ON, "", {"r icmp 10.1.0.2": "answer"}),
)

INPUT = "r: $ nft 'add table ip f; add chain ip f c { type filter hook input priority 0; }; add rule ip f c "
OWNERS = (
    trap("rules at INPUT ask whose socket it is", ROUTED, f"{INPUT}meta skuid 0 drop'", {TCP: "timeout"}),
    trap("of another user", ROUTED, f"{INPUT}meta skuid 1 drop'", {TCP: "answer, a sees 10.1.0.1"}),
    trap(
        "not without the look-up",
        ROUTED,
        f"r: sysctl net.ipv4.tcp_early_demux=0\n{INPUT}meta skuid 0 drop'",
        {TCP: "answer, a sees 10.1.0.1"},
    ),
    trap(
        "a SYN has none",
        ROUTED,
        f"{INPUT}tcp flags syn meta skuid 0 drop'",
        {"a tcp 10.1.0.1": "answer, r sees 10.1.0.2"},
    ),
)


@pytest.mark.parametrize("tested", TRAPS + OWNERS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(tested: Trap) -> None:
    assert not differences(tested)
