"""ipip, sit, gre and gretap: what the guest's kernel and the walk make of them."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

TCP = "a tcp 10.2.0.2"
SERVED = "answer, b sees 10.1.0.2"
PLAIN = """
wire a:eth0 m:pod
wire m:u n:u
wire n:pod b:eth0
a: addr add 10.1.0.2/24 dev eth0
a: route add default via 10.1.0.1
m: addr add 10.1.0.1/24 dev pod
m: addr add 192.168.0.1/24 dev u
m: sysctl net.ipv4.ip_forward=1
n: addr add 10.2.0.1/24 dev pod
n: addr add 192.168.0.2/24 dev u
n: sysctl net.ipv4.ip_forward=1
b: addr add 10.2.0.2/24 dev eth0
b: route add default via 10.2.0.1
"""
"""a 10.1.0.2 ─ m 192.168.0.1 ─ 192.168.0.2 n ─ 10.2.0.2 b, without a way between the two networks"""


def tunnel(kind: str, left: str = "", right: str = "") -> str:
    """A tunnel with both ends fixed, and routes into it."""
    return PLAIN + (
        f"m: link add tn type {kind} local 192.168.0.1 remote 192.168.0.2 {left}\n"
        "m: link set tn up\nm: route add 10.2.0.0/24 dev tn\n"
        f"n: link add tn type {kind} local 192.168.0.2 remote 192.168.0.1 {right}\n"
        "n: link set tn up\nn: route add 10.1.0.0/24 dev tn\n"
    )


ENDS = "local 192.168.0.2 remote 192.168.0.1"


def external(kind: str, words: str = "", right: str = "external") -> str:
    """m's tunnel is in external mode, and n's unless it has ends: routes say where to."""
    back = "encap ip id 7 dst 192.168.0.1 " if right == "external" else ""
    return PLAIN + (
        f"m: link add tn type {kind} external\nm: link set tn up\n"
        f"m: route add 10.2.0.0/24 encap ip id 7 dst 192.168.0.2 {words} dev tn\n"
        f"n: link add tn type {kind} {right}\nn: link set tn up\n"
        f"n: route add 10.1.0.0/24 {back}dev tn\n"
    )


CALICO = PLAIN + (
    "m: link set tunl0 up\nm: addr add 10.1.0.0/32 dev tunl0\n"
    "m: route add 10.2.0.0/24 via 192.168.0.2 dev tunl0 onlink\n"
    "n: link set tunl0 up\nn: addr add 10.2.0.0/32 dev tunl0\n"
    "n: route add 10.1.0.0/24 via 192.168.0.1 dev tunl0 onlink\n"
)
"""Without remotes: each route says which node is asked."""
UDP_BIG = "a udp 10.2.0.2 size=1500 df"

PLAIN6 = """
wire a:eth0 m:pod
wire m:u n:u
wire n:pod b:eth0
a: addr add fd01::2/64 dev eth0 nodad
a: route add default via fd01::1
m: addr add fd01::1/64 dev pod nodad
m: addr add 192.168.0.1/24 dev u
m: sysctl net.ipv6.conf.all.forwarding=1
n: addr add fd02::1/64 dev pod nodad
n: addr add 192.168.0.2/24 dev u
n: sysctl net.ipv6.conf.all.forwarding=1
b: addr add fd02::2/64 dev eth0 nodad
b: route add default via fd02::1
b: no-listeners
b: listen tcp 80 ::
b: listen udp 53 ::
"""


def tunnel6(kind: str, left: str = "") -> str:
    """IPv6 in IPv4."""
    return PLAIN6 + (
        f"m: link add tn type {kind} local 192.168.0.1 remote 192.168.0.2 {left}\n"
        "m: link set tn up\nm: route add fd02::/64 dev tn\n"
        f"n: link add tn type {kind} local 192.168.0.2 remote 192.168.0.1\n"
        "n: link set tn up\nn: route add fd01::/64 dev tn\n"
    )


TCP6, SERVED6 = "a tcp fd02::2", "answer, b sees fd01::2"
BIG6 = {"a udp [fd02::2] size=1490": "message too long, icmp 2/0 from fd01::1"}
TRAPS6 = (
    trap("sit with both ends", tunnel6("sit"), "", {TCP6: SERVED6}, ipv6=True),
    trap("gre with IPv6 inside", tunnel6("gre"), "", {TCP6: SERVED6}, ipv6=True),
    trap("sit is down", tunnel6("sit"), "n: link set tn down", {TCP6: "timeout"}, ipv6=True),
    trap(
        "sit to a node that has gone",
        tunnel6("sit"),
        "m: link set tn type sit remote 192.168.0.9",
        {TCP6: "timeout"},
        ipv6=True,
    ),
    trap(
        "sit, a rule drops protocol 41",
        tunnel6("sit"),
        "n: $ iptables-legacy -A INPUT -p 41 -j DROP",
        {TCP6: "timeout"},
        ipv6=True,
    ),
    trap("a packet too big for sit", tunnel6("sit"), "", BIG6, ipv6=True),
    trap("too big for the way, not for sit", tunnel6("sit"), "m: link set tn mtu 1500", BIG6, ipv6=True),
    trap("ipip carries no IPv6", tunnel6("ipip"), "", {TCP6: "timeout"}, ipv6=True),
)
TRAPS = (
    *TRAPS6,
    *(trap(f"{kind} with both ends", tunnel(kind), "", {TCP: SERVED}) for kind in ("ipip", "gre")),
    trap("tunl0 as Calico has it", CALICO, "", {TCP: SERVED, "m tcp 10.2.0.2": "answer, b sees 10.1.0.0"}),
    trap("tunl0 of the receiver is down", CALICO, "n: link set tunl0 down", {TCP: "timeout"}),
    trap(
        "tunl0 is routed to nobody",
        CALICO,
        "m: route replace 10.2.0.0/24 dev tunl0 scope link",
        {TCP: "timeout"},
    ),
    trap(
        "tunl0 to a node that has gone",
        CALICO,
        "m: route replace 10.2.0.0/24 via 192.168.0.9 dev tunl0 onlink",
        {TCP: "timeout"},
    ),
    trap(
        "rp_filter on tunl0, the way back by another device",
        CALICO,
        "n: route replace 10.1.0.0/24 via 192.168.0.1 dev u\nn: sysctl net.ipv4.conf.all.rp_filter=1",
        {TCP: "timeout"},
    ),
    trap(
        "loose rp_filter on tunl0",
        CALICO,
        "n: route replace 10.1.0.0/24 via 192.168.0.1 dev u\nn: sysctl net.ipv4.conf.all.rp_filter=2",
        {TCP: SERVED},
    ),
    trap(
        "another remote at the receiver",
        tunnel("ipip"),
        "n: link set tn type ipip remote 192.168.0.7",
        {TCP: "timeout"},
    ),
    trap(
        "another remote, but tunl0 is up",
        tunnel("ipip"),
        "n: link set tn type ipip remote 192.168.0.7\nn: link set tunl0 up",
        {TCP: "timeout"},
    ),
    trap("the tunnel is down", tunnel("ipip"), "n: link set tn down", {TCP: "timeout"}),
    trap(
        "a rule drops protocol 4",
        tunnel("ipip"),
        "n: $ iptables-legacy -A INPUT -p 4 -j DROP",
        {TCP: "timeout"},
    ),
    trap(
        "a packet too big for the tunnel",
        tunnel("ipip"),
        "",
        {UDP_BIG: "message too long, icmp 3/4 from 10.1.0.1"},
    ),
    trap(
        "too big for the way, not for the tunnel",
        tunnel("ipip"),
        "m: link set tn mtu 1500",
        {UDP_BIG: "message too long, icmp 3/4 from 10.1.0.1"},
    ),
    trap(
        "too big for the way, and may be cut outside",
        tunnel("ipip", "nopmtudisc"),
        "m: link set tn mtu 1500\na: sysctl net.ipv4.ip_no_pmtu_disc=1",
        {"a udp 10.2.0.2 size=1490": "answer, b sees 10.1.0.2"},
    ),
    trap("a TTL that ends on the way", tunnel("ipip", "ttl 1"), "", {TCP: SERVED}),
    trap("gre with a key", tunnel("gre", "key 7", "key 7"), "", {TCP: SERVED}),
    trap("gre with different keys", tunnel("gre", "key 7", "key 8"), "", {TCP: "timeout"}),
    trap("gre with checksums", tunnel("gre", "csum", "csum"), "", {TCP: SERVED}),
    trap("gre with checksums of one end", tunnel("gre", "ocsum"), "", {TCP: "timeout"}),
    trap("gre that wants checksums at one end", tunnel("gre", "", "icsum"), "", {TCP: "timeout"}),
    trap("gre with sequence numbers", tunnel("gre", "seq", "seq"), "", {TCP: SERVED}),
    trap("gre with sequence numbers of one end", tunnel("gre", "oseq"), "", {TCP: SERVED}),
    trap("gre that wants sequence numbers", tunnel("gre", "", "iseq"), "", {TCP: "timeout"}),
    trap(
        "gre with all of it",
        tunnel("gre", "key 7 csum seq", "key 7 csum seq"),
        "",
        {
            TCP: SERVED,
            "a udp 10.2.0.2 size=1464 df": SERVED,
            "a udp 10.2.0.2 size=1465 df": "message too long, icmp 3/4 from 10.1.0.1",
        },
    ),
    trap("gre by what routes say", external("gre"), "", {TCP: SERVED}),
    trap("gre by what routes say, with a key", external("gre", "key"), "", {TCP: SERVED}),
    trap("gre by what routes say, with checksums", external("gre", "csum"), "", {TCP: "timeout"}),
    trap("gre by what routes say, to one with ends", external("gre", "", ENDS), "", {TCP: SERVED}),
    trap(
        "gre by what routes say, to one with a key",
        external("gre", "key", f"{ENDS} key 7"),
        "",
        {TCP: SERVED},
    ),
    trap(
        "gre by what routes say, to one with another",
        external("gre", "key", f"{ENDS} key 8"),
        "",
        {TCP: "timeout"},
    ),
    trap(
        "gre by what routes say, and one says nothing",
        external("gre"),
        "m: route replace 10.2.0.0/24 dev tn",
        {TCP: "timeout | unknown"},
    ),
    trap("ipip by what routes say", external("ipip"), "", {TCP: SERVED}),
    trap("gre with a key of each way", tunnel("gre", "ikey 7 okey 8", "ikey 8 okey 7"), "", {TCP: SERVED}),
    trap("gre with a key of one way", tunnel("gre", "okey 8", "ikey 8"), "", {TCP: SERVED}),
    trap("gre with a key at one end", tunnel("gre", "key 7"), "", {TCP: "timeout"}),
    trap(
        "gretap",
        tunnel("gretap"),
        "m: addr add 10.9.0.1/24 dev tn\nn: addr add 10.9.0.2/24 dev tn\n"
        "m: route replace 10.2.0.0/24 via 10.9.0.2\nn: route replace 10.1.0.0/24 via 10.9.0.1",
        {TCP: SERVED},
    ),
    trap(
        "gretap, nobody has the gateway's address",
        tunnel("gretap"),
        "m: addr add 10.9.0.1/24 dev tn\nn: addr add 10.9.0.2/24 dev tn\n"
        "m: route replace 10.2.0.0/24 via 10.9.0.3\nn: route replace 10.1.0.0/24 via 10.9.0.1",
        {TCP: "no route to host, icmp 3/1 from 10.1.0.1"},
    ),
    trap(
        "gre against ipip",
        tunnel("gre"),
        "n: link del tn\nn: link add tn type ipip local 192.168.0.2 remote 192.168.0.1\n"
        "n: link set tn up\nn: route add 10.1.0.0/24 dev tn",
        {TCP: "timeout"},
    ),
)
CODES = {
    "tunl0 of the receiver is down": "tunnel.closed",
    "tunl0 is routed to nobody": "forwarding.ttl",
    "tunl0 to a node that has gone": "neighbour.unresolved",
    "rp_filter on tunl0, the way back by another device": "source.rp-filter",
    "another remote at the receiver": "tunnel.closed",
    "a rule drops protocol 4": "netfilter.drop",
    "too big for the way, not for the tunnel": "forwarding.too-big",
    "gre with different keys": "tunnel.closed",
    "gre with checksums of one end": "tunnel.closed",
    "gre that wants sequence numbers": "tunnel.closed",
    "sit is down": "tunnel.closed",
    "ipip carries no IPv6": "tunnel.no-remote",
    "gre against ipip": "tunnel.closed",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), ("ipip", "ip_gre", "sit"))


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
