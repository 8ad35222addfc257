"""ipvlan in modes l3 and l3s: what the guest's kernel and the walk make of it (K-56)."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

NETWORK = """
wire h:eth0 out:eth0
h: addr add 10.8.0.1/24 dev eth0
h: link add link eth0 name m1 netns {p} type ipvlan mode MODE
h: link add link eth0 name m2 netns {q} type ipvlan mode MODE
p: link set m1 name eth0
q: link set m2 name eth0
p: addr add 10.9.0.2/24 dev eth0
q: addr add 10.9.0.3/24 dev eth0
p: link set eth0 up
q: link set eth0 up
p: route add default dev eth0
q: route add default dev eth0
out: addr add 10.8.0.9/24 dev eth0
out: route add 10.9.0.0/24 via 10.8.0.1
"""
"""h with eth0 10.8.0.1 to out 10.8.0.9; p 10.9.0.2 and q 10.9.0.3 are on top of its eth0"""
INSIDE, OUT, IN = "p tcp 10.9.0.3", "p tcp 10.8.0.9", "out tcp 10.9.0.2"
SERVED = {INSIDE: "answer, q sees 10.9.0.2", OUT: "answer, out sees 10.9.0.2", IN: "answer, p sees 10.8.0.9"}


def network(mode: str) -> str:
    return NETWORK.replace("MODE", mode)


def drop(host: str, chain: str, match: str = "") -> str:
    return f"{host}: $ iptables-legacy -A {chain} {match} -p tcp --dport 80 -j DROP"


def raw(host: str) -> str:
    return f"{host}: $ iptables-legacy -t raw -A PREROUTING -p tcp --dport 80 -j DROP"


MASQUERADE = "h: $ iptables-legacy -t nat -A POSTROUTING -s 10.9.0.0/24 -j MASQUERADE"
L3, L3S = network("l3"), network("l3s")
TRAPS = (
    *(trap(f"mode {mode}", network(mode), "", SERVED) for mode in ("l3", "l3s")),
    *(
        trap(
            f"mode {mode}, an echo and a datagram",
            network(mode),
            "",
            {"p icmp 10.8.0.9": "answer", "out udp 10.9.0.2": SERVED[IN]},
        )
        for mode in ("l3", "l3s")
    ),
    trap(
        "the host, without a route to the pods",
        L3,
        "",
        {"p tcp 10.8.0.1": "timeout", "h tcp 10.9.0.2": "network is unreachable"},
    ),
    trap(
        "the host, by the device below",
        L3,
        "h: route add 10.9.0.0/24 dev eth0",
        {"h tcp 10.9.0.2": "no route to host"},
    ),
    trap("private", network("l3 private"), "", {INSIDE: "timeout", OUT: SERVED[OUT]}),
    trap("vepa", network("l3 vepa"), "", {OUT: SERVED[OUT]}),
    trap(
        "the other pod's device is down",
        L3,
        "q: link set eth0 down",
        {INSIDE: "timeout", "out udp 10.9.0.3": "timeout"},
    ),
    trap("a rule of the host at OUTPUT", L3, drop("h", "OUTPUT"), {OUT: "timeout", INSIDE: SERVED[INSIDE]}),
    trap("a rule of the host at FORWARD", L3, drop("h", "FORWARD"), SERVED),
    trap("a rule of the host at PREROUTING", L3, raw("h"), SERVED),
    trap("a rule of the host at INPUT", L3, drop("h", "INPUT"), SERVED),
    trap("a rule of the pod at INPUT", L3, drop("p", "INPUT"), {IN: "timeout"}),
    trap("l3s, a rule of the host at PREROUTING", L3S, raw("h"), {IN: "timeout", OUT: SERVED[OUT]}),
    trap("l3s, a rule of the host at INPUT", L3S, drop("h", "INPUT"), {IN: "timeout", OUT: SERVED[OUT]}),
    trap("l3s, a rule of the host at FORWARD", L3S, drop("h", "FORWARD"), SERVED),
    trap("l3s, a rule of the pod at INPUT", L3S, drop("p", "INPUT"), {IN: SERVED[IN]}),
    trap("l3s, a rule of the pod at OUTPUT", L3S, drop("p", "OUTPUT"), {OUT: "timeout"}),
    trap("masquerade, and the answers find no way", L3, MASQUERADE, {OUT: "timeout"}),
    trap("l3s, masquerade", L3S, MASQUERADE, {OUT: "answer, out sees 10.8.0.1"}),
    trap(
        "l3s, a pod is a service's backend",
        L3S,
        "h: $ iptables-legacy -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to 10.9.0.2\n"
        "out: route add 10.96.0.1/32 via 10.8.0.1",
        {"out tcp 10.96.0.1": SERVED[IN]},
    ),
    trap("no route of the host", L3, "h: route add blackhole 10.7.0.0/24", {"p tcp 10.7.0.9": "timeout"}),
    trap(
        "nobody answers for a pod on the link",
        L3,
        "p: addr add 10.8.0.2/24 dev eth0",
        {"out tcp 10.8.0.2": "no route to host"},
    ),
)
CODES = {
    "private": "device.private",
    "a rule of the host at OUTPUT": "netfilter.drop",
    "a rule of the pod at INPUT": "netfilter.drop",
    "l3s, a rule of the host at INPUT": "netfilter.drop",
    "masquerade, and the answers find no way": "forwarding.disabled",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = ("ipvlan", "iptable_filter", "iptable_raw", "iptable_nat")
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
