"""IPsec policies: what the kernel and the walk make of packets that are not transformed."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import Collected, trap_lab
from kubectl_skoop.testing.trap_walk import loss_codes

pytestmark = pytest.mark.kernel

NETWORK = """
wire a:eth0 r:p0
wire r:p1 b:eth0
a: addr add 10.1.0.2/24 dev eth0
a: route add default via 10.1.0.1
r: addr add 10.1.0.1/24 dev p0
r: addr add 10.2.0.1/24 dev p1
r: sysctl net.ipv4.ip_forward=1
b: addr add 10.2.0.2/24 dev eth0
b: route add default via 10.2.0.1
"""
TCP, UDP, SERVED = "a tcp 10.2.0.2", "a udp 10.2.0.2", "answer, b sees 10.1.0.2"
REFUSED, LOST = "operation not permitted", "timeout"
TEMPLATE = "tmpl proto esp mode transport"


def policy(
    host: str, direction: str, words: str, source: str = "10.1.0.0/16", to: str = "10.2.0.0/16"
) -> str:
    return f"{host}: xfrm policy add src {source} dst {to} {words.replace('DIR', f'dir {direction}')}\n"


def block(host: str, direction: str, before: str = "") -> str:
    return policy(host, direction, f"{before} DIR action block")


TRAPS = (
    trap(
        "a policy for others",
        NETWORK,
        policy("a", "out", "DIR action block", to="10.3.0.0/16"),
        {TCP: SERVED},
    ),
    trap(
        "blocked at the sender",
        NETWORK,
        block("a", "out"),
        {TCP: REFUSED, UDP: REFUSED, "a icmp 10.2.0.2": REFUSED},
    ),
    trap(
        "blocked at the sender for UDP", NETWORK, block("a", "out", "proto udp"), {TCP: SERVED, UDP: REFUSED}
    ),
    trap(
        "blocked at the sender for a port",
        NETWORK,
        block("a", "out", "proto tcp dport 80"),
        {TCP: REFUSED, "a tcp 10.2.0.2:81": "connection refused", UDP: SERVED},
    ),
    trap("the sender's policy for what comes in", NETWORK, block("a", "in"), {TCP: SERVED}),
    trap(
        "what comes back is blocked",
        NETWORK,
        policy("a", "in", "DIR action block", "10.2.0.0/16", "10.1.0.0/16"),
        {TCP: LOST, UDP: LOST + ", b sees 10.1.0.2"},
    ),
    trap(
        "blocked by the router",
        NETWORK,
        block("r", "fwd"),
        {TCP: LOST, UDP: LOST, "r tcp 10.2.0.2": "answer, b sees 10.2.0.1"},
    ),
    trap("blocked by the router on the way out", NETWORK, block("r", "out"), {TCP: LOST}),
    trap("the router's policy for what is for it", NETWORK, block("r", "in"), {TCP: SERVED}),
    trap("blocked at the receiver", NETWORK, block("b", "in"), {TCP: LOST, UDP: LOST}),
    trap(
        "the answer is blocked at the receiver",
        NETWORK,
        policy("b", "out", "DIR action block", "10.2.0.0/16", "10.1.0.0/16"),
        {TCP: LOST, UDP: LOST + ", b sees 10.1.0.2"},
    ),
    trap(
        "a lower number is asked first",
        NETWORK,
        policy("a", "out", "DIR priority 9 action block")
        + policy("a", "out", "proto tcp DIR priority 5 action allow"),
        {TCP: SERVED},
    ),
    trap(
        "a higher number is not asked",
        NETWORK,
        policy("a", "out", "DIR priority 9 action allow")
        + policy("a", "out", "proto tcp DIR priority 5 action block"),
        {TCP: REFUSED, UDP: SERVED},
    ),
    trap(
        "of equal ones the first",
        NETWORK,
        policy("a", "out", "proto tcp DIR action allow") + block("a", "out"),
        {TCP: SERVED, UDP: REFUSED},
    ),
    trap(
        "the receiver takes it transformed only", NETWORK, policy("b", "in", f"DIR {TEMPLATE}"), {TCP: LOST}
    ),
    trap("the router takes it transformed only", NETWORK, policy("r", "fwd", f"DIR {TEMPLATE}"), {TCP: LOST}),
    trap(
        "the receiver may take it transformed",
        NETWORK,
        policy("b", "in", f"DIR {TEMPLATE} level use"),
        {TCP: SERVED},
    ),
    trap(
        "a key daemon's socket has a policy of its own",
        NETWORK,
        policy("b", "in", f"DIR {TEMPLATE}") + "b: listen udp 500 bypass",
        {"a udp 10.2.0.2:500": SERVED, UDP: LOST},
    ),
    trap(
        "a key daemon's socket has none",
        NETWORK,
        policy("b", "in", f"DIR {TEMPLATE}") + "b: listen udp 500",
        {"a udp 10.2.0.2:500": LOST},
    ),
    trap(
        "the sender must transform it",
        NETWORK,
        policy("a", "out", f"DIR {TEMPLATE}"),
        {TCP: LOST},
    ),
    trap(
        "by default all is blocked on the way in", NETWORK, "b: xfrm policy setdefault in block", {TCP: LOST}
    ),
    trap(
        "by default all is blocked, but for a policy",
        NETWORK,
        "b: xfrm policy setdefault in block\n" + policy("b", "in", "DIR action allow"),
        {TCP: SERVED},
    ),
    trap("by default the router blocks", NETWORK, "r: xfrm policy setdefault fwd block", {TCP: LOST}),
    trap(
        "after translation another policy",
        NETWORK,
        "r: $ iptables-legacy -t nat -A POSTROUTING -o p1 -j MASQUERADE\n"
        + policy("r", "out", "DIR action block", "10.2.0.1/32"),
        {TCP: LOST},
    ),
    trap(
        "what stays inside asks nobody",
        NETWORK,
        policy("b", "in", "DIR action block", "10.2.0.0/16"),
        {"b tcp 10.2.0.2": "answer, b sees 10.2.0.2"},
    ),
)
CODES = (
    "blocked at the sender",
    "blocked by the router",
    "blocked at the receiver",
    "the receiver takes it transformed only",
    "by default the router blocks",
)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(tested: Trap) -> None:
    assert not differences(tested)


@pytest.mark.parametrize("title", CODES)
def test_the_reason_is_the_policy(title: str) -> None:
    tested = next(one for one in TRAPS if one.title == title)
    with trap_lab(tested.network, tested.condition) as lab:
        collected = Collected.of(lab.dump())
    assert loss_codes(collected, parse_flow(TCP)) == {"ipsec.policy"}


def test_reading_the_defaults_does_not_set_them() -> None:
    with trap_lab(NETWORK, "r: xfrm policy setdefault fwd block in block") as lab:
        lab.dump()
        told = lab.namespaces["r"].run("ip", "xfrm", "policy", "getdefault")
    assert [line.split()[1] for line in told.splitlines()[1:]] == ["block", "block", "accept"]
