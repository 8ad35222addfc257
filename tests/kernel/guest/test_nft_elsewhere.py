"""nft as the kernels of CI and of user-mode-linux lack it: meta and reject at bridges, and `meta ipsec`."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import BRIDGED
from tests.kernel.guest import emulated
from tests.kernel.guest.labs import GuestLabs
from tests.kernel.guest.test_ip_tunnels import SERVED as THROUGH
from tests.kernel.guest.test_ip_tunnels import TCP
from tests.kernel.guest.test_ipsec import WHOLE
from tests.kernel.link_rules import chain

pytestmark = pytest.mark.emulated

A_TO_B, UDP, TO_C = "a tcp 10.1.0.3", "a udp 10.1.0.3", "a tcp 10.1.0.4"
SERVED, SERVED_BY_C, TIMEOUT = "answer, b sees 10.1.0.2", "answer, c sees 10.1.0.2", "timeout"
TO_B = "ip daddr 10.1.0.3"


def bridge(hook: str, *rules: str) -> str:
    return chain("r", "bridge", hook, *rules)


def forwarding(rule: str) -> str:
    return chain("n", "inet", "forward", rule)


TRAPS = (
    trap(
        "the bridge it came by",
        BRIDGED,
        bridge("forward", f'meta ibrname "br0" {TO_B} drop'),
        {A_TO_B: TIMEOUT},
    ),
    trap("another bridge", BRIDGED, bridge("forward", f'meta ibrname "br1" {TO_B} drop'), {A_TO_B: SERVED}),
    trap(
        "the bridge it leaves by",
        BRIDGED,
        bridge("forward", f'meta obrname "br0" {TO_B} drop'),
        {A_TO_B: TIMEOUT},
    ),
    trap(
        "before it leaves there is none",
        BRIDGED,
        bridge("prerouting", f'meta obrname "br0" {TO_B} drop'),
        {A_TO_B: SERVED},
    ),
    trap(
        "what the router sends came by none",
        BRIDGED,
        bridge("output", f'meta ibrname != "br0" {TO_B} drop'),
        {"r tcp 10.1.0.3": TIMEOUT},
    ),
    trap(
        "reset at a bridge",
        BRIDGED,
        bridge("prerouting", f"{TO_B} reject with tcp reset"),
        {A_TO_B: "connection refused", TO_C: SERVED_BY_C, UDP: SERVED},
    ),
    trap(
        "refused at a bridge",
        BRIDGED,
        bridge("prerouting", f"{TO_B} reject with icmp type port-unreachable"),
        {
            A_TO_B: "connection refused, icmp 3/3 from 10.1.0.3",
            UDP: "connection refused, icmp 3/3 from 10.1.0.3",
        },
    ),
    trap(
        "refused on the way into the router",
        BRIDGED,
        bridge("input", "ip daddr 10.1.0.1 reject with icmp type admin-prohibited"),
        {"a tcp 10.1.0.1": "no route to host, icmp 3/13 from 10.1.0.1"},
    ),
    trap("opened by IPsec", WHOLE, forwarding("ip saddr 10.1.0.2 meta ipsec exists drop"), {TCP: TIMEOUT}),
    trap("not missing", WHOLE, forwarding("ip saddr 10.1.0.2 meta ipsec missing drop"), {TCP: THROUGH}),
    trap(
        "the way back is not opened yet",
        WHOLE,
        forwarding("ip saddr 10.2.0.2 meta ipsec exists drop"),
        {TCP: THROUGH},
    ),
)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = ("br_netfilter", "nf_tables", "nft_meta_bridge", "nft_reject_bridge", "esp4", "xfrm_user")
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules, emulated)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)
