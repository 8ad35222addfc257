"""Connections of what is bridged, as rules of nft's family bridge ask for them: the kernel of CI has none."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import BRIDGED, BRIDGED6
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

TCP, UDP, PING = "a tcp 10.1.0.3", "a udp 10.1.0.3", "a icmp 10.1.0.3"
SERVED = "answer, b sees 10.1.0.2"
BACK, BACK_SERVED = "b tcp 10.1.0.2", "answer, a sees 10.1.0.3"
CALLS = "r: sysctl net.bridge.bridge-nf-call-iptables=1"


def chain(hook: str, *rules: str, priority: int = 0, policy: str = "accept") -> str:
    """A base chain of a table of its own."""
    declared = f"{{ type filter hook {hook} priority {priority}; policy {policy}; }}"
    name = f"t{hook[:2]}{abs(priority)}"
    lines = [f"add table bridge {name}", f"add chain bridge {name} c {declared}"]
    lines += [f"add rule bridge {name} c {rule}" for rule in rules]
    return f"r: $ nft '{'; '.join(lines)}'"


ALLOWED = (
    "ct state untracked accept",
    "ct state established,related accept",
    "iifname pa ct state new accept",
)
"""ARP is untracked, and a may begin connections."""
FIREWALL = chain("forward", *ALLOWED, policy="drop")
FIREWALL_BEFORE = chain("forward", *ALLOWED, priority=-1, policy="drop")
NO_OTHERS = "r: $ iptables-legacy -A FORWARD -m conntrack --ctstate INVALID,UNTRACKED -j DROP"

TRAPS = (
    trap("who may begin", BRIDGED, FIREWALL, {TCP: SERVED, UDP: SERVED, PING: "answer"}),
    trap("who may not begin", BRIDGED, FIREWALL, {BACK: "timeout", "b icmp 10.1.0.2": "timeout"}),
    trap(
        "errors are RELATED",
        BRIDGED,
        FIREWALL,
        {"a udp 10.1.0.3:81": "connection refused, icmp 3/3 from 10.1.0.3"},
    ),
    trap(
        "no ARP without its own rule",
        BRIDGED,
        chain("forward", "ct state new,established accept", policy="drop"),
        {TCP: "no route to host"},
    ),
    trap(
        "answers are dropped by their direction",
        BRIDGED,
        chain("forward", "ct direction reply drop"),
        {TCP: "timeout", UDP: "timeout, b sees 10.1.0.2"},
    ),
    trap(
        "the mark of a connection",
        BRIDGED,
        chain("forward", "ct direction original ct mark set 7", "ct direction reply ct mark != 7 drop"),
        {TCP: SERVED},
    ),
    trap(
        "the original addresses",
        BRIDGED,
        chain("postrouting", "ip protocol tcp ct original ip daddr 10.1.0.3 drop"),
        {TCP: "timeout", UDP: SERVED, BACK: BACK_SERVED},
    ),
    trap(
        "before conntrack there is none",
        BRIDGED,
        chain("prerouting", "ether type ip ct state invalid drop", priority=-300),
        {TCP: "timeout"},
    ),
    trap(
        "notrack before it",
        BRIDGED,
        chain("prerouting", "ip protocol tcp notrack", priority=-300)
        + "\n"
        + chain("forward", "ct state new drop"),
        {TCP: SERVED, UDP: "timeout"},
    ),
    trap(
        "the node itself is asked",
        BRIDGED,
        chain("input", "ct state new ip protocol udp drop"),
        {"a udp 10.1.0.1": "timeout", "a tcp 10.1.0.1": "answer, r sees 10.1.0.2"},
    ),
    trap(
        "IP finds the connection that the bridge has found",
        BRIDGED,
        f"{FIREWALL_BEFORE}\n{CALLS}\n{NO_OTHERS}",
        {TCP: SERVED, BACK: "timeout"},
    ),
    trap(
        "what is confirmed is not translated",
        BRIDGED,
        f"{FIREWALL_BEFORE}\n{CALLS}\nr: $ iptables-legacy -t nat -A POSTROUTING -s 10.1.0.2 -j MASQUERADE",
        {TCP: f"{SERVED} | unknown"},
    ),
    trap(
        "IPv6, whose questions for neighbours are untracked",
        BRIDGED6,
        FIREWALL,
        {"a tcp fd01::3": "answer, b sees fd01::2", "b tcp fd01::2": "timeout"},
        ipv6=True,
    ),
)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = (
        "br_netfilter",
        "nf_tables",
        "nft_ct",
        "nf_conntrack_bridge",
        "iptable_filter",
        "iptable_nat",
        "xt_MASQUERADE",
        "xt_conntrack",
    )
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


def test_the_reason_is_the_rule(labs: GuestLabs) -> None:
    assert labs.loss_codes("who may not begin") == {"netfilter.drop"}
    assert not labs.loss_codes("who may begin")
