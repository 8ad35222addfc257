"""Flowtables of nft: which packets make a flow, and what it spares them (K-80), in the emulated machine."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import ROUTED
from tests.kernel.guest import emulated
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.emulated

TCP, UDP, BULK = "a tcp 10.2.0.2", "a udp 10.2.0.2", "a tcp 10.2.0.2 bulk"
SERVED = "answer, b sees 10.1.0.2"


def forwarding(*rules: str, policy: str = "accept") -> str:
    """Of `r`, with a flowtable for both of its devices."""
    lines = [
        "add table inet t",
        "add flowtable inet t f { hook ingress priority 0; devices = { p0, p1 }; }",
        f"add chain inet t c {{ type filter hook forward priority 0; policy {policy}; }}",
        *(f"add rule inet t c {rule}" for rule in rules),
    ]
    return f"r: $ nft '{'; '.join(lines)}'"


TRAPS = (
    trap(
        "in a rule of its own",
        ROUTED,
        forwarding("meta l4proto { tcp, udp } flow add @f"),
        {BULK: SERVED, UDP: SERVED},
    ),
    trap(
        "a verdict behind it",
        ROUTED,
        forwarding("flow add @f accept", policy="drop"),
        {TCP: "timeout", UDP: "timeout"},
    ),
    trap(
        "the first packet is let by",
        ROUTED,
        forwarding("ct state new accept", "flow add @f accept", policy="drop"),
        {UDP: SERVED, TCP: "timeout | unknown"},
    ),
    trap(
        "a rule that later packets do not meet any more",
        ROUTED,
        forwarding("flow add @f", "tcp flags & psh == psh drop"),
        {BULK: f"{SERVED} | unknown"},
    ),
    trap(
        "the same without a flowtable",
        ROUTED,
        forwarding("tcp flags & psh == psh drop"),
        {BULK: "timeout, b sees 10.1.0.2"},
    ),
)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = ("nf_tables", "nft_ct", "nf_flow_table_inet", "nft_flow_offload")
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules, emulated)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)
