"""IPsec with ESP, as key daemons set it up: what the guest's kernel and the walk make of it."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs
from tests.kernel.guest.test_ip_tunnels import PLAIN, SERVED, TCP

pytestmark = pytest.mark.guest

M, N = "192.168.0.1", "192.168.0.2"
A, B = "10.1.0.0/24", "10.2.0.0/24"
GCM = "aead rfc4106(gcm(aes)) 0x0102030405060708090a0b0c0d0e0f1011121314 128"
CBC = "auth-trunc hmac(sha256) 0x0102030405060708090a0b 128 enc cbc(aes) 0x0102030405060708090a0b0c0d0e0f10"
UDP = "a udp 10.2.0.2"
SILENT, BACK = "timeout", "timeout, b sees 10.1.0.2"


def state(hosts: str, spi: int, source: str, to: str, words: str = f"reqid 1 mode tunnel {GCM}") -> str:
    """Of the hosts named by a letter each."""
    line = f"xfrm state add src {source} dst {to} proto esp spi {spi} {words}\n"
    return "".join(f"{host}: {line}" for host in hosts)


def policy(
    host: str, direction: str, networks: tuple[str, str], ends: tuple[str, str], words: str = ""
) -> str:
    template = f"tmpl src {ends[0]} dst {ends[1]} proto esp reqid 1 mode tunnel"
    selected = f"src {networks[0]} dst {networks[1]} {words} dir {direction}"
    return f"{host}: xfrm policy add {selected} {template}\n"


def ends(words: str = "", inward: str = "fwd") -> str:
    """The policies of m and n for the networks behind them."""
    there, back = ((A, B), (M, N)), ((B, A), (N, M))
    return (
        policy("m", "out", *there, words)
        + policy("m", inward, *back, words)
        + policy("n", "out", *back, words)
        + policy("n", inward, *there, words)
    )


STATES = state("mn", 0x11, M, N) + state("mn", 0x12, N, M)
TUNNEL = PLAIN + "m: route add 10.2.0.0/24 via 192.168.0.2\nn: route add 10.1.0.0/24 via 192.168.0.1\n"
WHOLE = TUNNEL + ends() + STATES

TRANSPORT = (
    state("mn", 0x11, M, N, f"reqid 1 mode transport {GCM}"),
    state("mn", 0x12, N, M, f"reqid 1 mode transport {GCM}"),
    *(
        f"{host}: xfrm policy add src {source} dst {to} dir {way} tmpl proto esp reqid 1 mode transport\n"
        for host, way, source, to in (
            ("m", "out", M, N),
            ("m", "in", N, M),
            ("n", "out", N, M),
            ("n", "in", M, N),
        )
    ),
)
NODE = (
    WHOLE
    + policy("m", "out", (f"{M}/32", B), (M, N))
    + policy("n", "fwd", (f"{M}/32", B), (M, N))
    + policy("n", "out", (B, f"{M}/32"), (N, M))
    + policy("m", "in", (B, f"{M}/32"), (N, M))
)
"""What m sends itself goes through the tunnel, too"""


def without(host: str, spi: int, source: str, to: str) -> str:
    return f"{host}: xfrm state del src {source} dst {to} proto esp spi {spi}"


TRAPS = (
    trap("a tunnel", WHOLE, "", {TCP: SERVED, UDP: SERVED, "b tcp 10.1.0.2": "answer, a sees 10.2.0.2"}),
    trap("the sender has no state", WHOLE, without("m", 0x11, M, N), {TCP: SILENT, UDP: SILENT}),
    trap("the receiver has no state", WHOLE, without("n", 0x11, M, N), {TCP: SILENT, UDP: SILENT}),
    trap("no state for the answer", WHOLE, without("n", 0x12, N, M), {TCP: SILENT, UDP: BACK}),
    trap(
        "another SPI at the receiver",
        WHOLE,
        without("n", 0x11, M, N) + "\n" + state("n", 0x21, M, N),
        {TCP: SILENT},
    ),
    trap(
        "other algorithms at the receiver",
        WHOLE,
        without("n", 0x11, M, N) + "\n" + state("n", 0x11, M, N, f"reqid 1 mode tunnel {CBC}"),
        {TCP: SILENT},
    ),
    trap(
        "another reqid at the sender",
        WHOLE,
        without("m", 0x11, M, N) + "\n" + state("m", 0x11, M, N, f"reqid 2 mode tunnel {GCM}"),
        {TCP: SILENT},
    ),
    trap(
        "another reqid at the receiver",
        WHOLE,
        without("n", 0x11, M, N) + "\n" + state("n", 0x11, M, N, f"reqid 2 mode tunnel {GCM}"),
        {TCP: SILENT},
    ),
    trap(
        "a state for other packets at the sender",
        WHOLE,
        without("m", 0x11, M, N)
        + "\n"
        + state("m", 0x11, M, N, f"reqid 1 mode tunnel {GCM} sel dst 10.3.0.0/16"),
        {TCP: SILENT},
    ),
    trap(
        "a state for other packets at the receiver",
        WHOLE,
        without("n", 0x11, M, N)
        + "\n"
        + state("n", 0x11, M, N, f"reqid 1 mode tunnel {GCM} sel dst 10.3.0.0/16"),
        {TCP: SILENT},
    ),
    trap(
        "no policy lets it in",
        WHOLE,
        f"n: xfrm policy del src {A} dst {B} dir fwd",
        {TCP: SILENT, UDP: SILENT},
    ),
    trap("policies for what is delivered only", TUNNEL + ends(inward="in") + STATES, "", {TCP: SILENT}),
    trap(
        "the policy wants another tunnel",
        WHOLE,
        f"n: xfrm policy del src {A} dst {B} dir fwd\n" + policy("n", "fwd", (A, B), ("192.168.0.7", N)),
        {TCP: SILENT},
    ),
    trap(
        "the policy names another end",
        WHOLE,
        f"n: xfrm policy del src {A} dst {B} dir fwd\n" + policy("n", "fwd", (A, B), (M, "192.168.0.7")),
        {TCP: SERVED},
    ),
    trap(
        "the tunnel's source is another's address",
        TUNNEL + STATES + state("m", 0x31, "192.168.0.7", N) + policy("m", "out", (A, B), ("192.168.0.7", N)),
        "",
        {TCP: SILENT},
    ),
    trap("no route to the tunnel's end", WHOLE, "m: route add unreachable 192.168.0.2", {TCP: SILENT}),
    trap("the receiver drops ESP", WHOLE, "n: $ iptables-legacy -A INPUT -p esp -j DROP", {TCP: SILENT}),
    trap("the sender drops ESP", WHOLE, "m: $ iptables-legacy -A OUTPUT -p esp -j DROP", {TCP: SILENT}),
    trap("FORWARD sees the packets", WHOLE, "n: $ iptables-legacy -A FORWARD -p tcp -j DROP", {TCP: SILENT}),
    trap(
        "POSTROUTING sees both",
        WHOLE,
        "m: $ iptables-legacy -t mangle -A POSTROUTING -o u -p tcp -j DROP",
        {TCP: SILENT, UDP: SERVED},
    ),
    trap(
        "a masqueraded packet is none of the policy's",
        WHOLE,
        "m: $ iptables-legacy -t nat -A POSTROUTING -o u -p udp -j MASQUERADE\nn: xfrm policy flush",
        {UDP: "answer, b sees 192.168.0.1"},
    ),
    trap(
        "strict source validation does not count",
        WHOLE,
        "n: sysctl net.ipv4.conf.all.rp_filter=1\nn: route replace 10.1.0.0/24 dev pod",
        {UDP: SERVED},
    ),
    trap(
        "as large as fits",
        WHOLE,
        "",
        {
            "a udp 10.2.0.2 size=1446 df": SERVED,
            "a udp 10.2.0.2 size=1447 df": "message too long, icmp 3/4 from 10.1.0.1",
        },
    ),
    trap(
        "as large as fits with CBC",
        TUNNEL + ends() + state("mn", 0x11, M, N, f"reqid 1 mode tunnel {CBC}") + state("mn", 0x12, N, M),
        "",
        {
            "a udp 10.2.0.2 size=1438 df": SERVED,
            "a udp 10.2.0.2 size=1439 df": "message too long, icmp 3/4 from 10.1.0.1",
        },
    ),
    trap(
        "too large, may be cut", WHOLE, "a: sysctl net.ipv4.ip_no_pmtu_disc=1", {f"{UDP} size=1500": SERVED}
    ),
    trap(
        "a node behind its own tunnel",
        NODE,
        "",
        {
            "m tcp 10.2.0.2": "answer, b sees 192.168.0.1",
            "m udp 10.2.0.2 size=1447 df": "message too long",
        },
    ),
    trap(
        "nobody negotiates for the node itself",
        TUNNEL + policy("m", "out", (f"{M}/32", B), (M, N)),
        "",
        {"m tcp 10.2.0.2": SILENT, "m udp 10.2.0.2": SILENT},
    ),
    trap(
        "from node to node in mode transport",
        PLAIN + "".join(TRANSPORT),
        "",
        {
            "m tcp 192.168.0.2": "answer, n sees 192.168.0.1",
            "m udp 192.168.0.2 size=1466 df": "answer, n sees 192.168.0.1",
            "m udp 192.168.0.2 size=1467 df": "message too long",
        },
    ),
    trap(
        "from node to node, in plain from one",
        PLAIN + "".join(TRANSPORT[1:]),
        "m: xfrm policy flush",
        {"m tcp 192.168.0.2": SILENT},
    ),
    trap(
        "marked by the state, routed by the mark",
        TUNNEL
        + ends()
        + state("mn", 0x12, N, M)
        + state("n", 0x11, M, N)
        + state("m", 0x11, M, N, f"reqid 1 mode tunnel {GCM} output-mark 0x7"),
        "m: rule add fwmark 7 lookup 9\nm: route add blackhole 192.168.0.2 table 9",
        {TCP: SILENT},
    ),
    trap(
        "a policy for marked packets",
        TUNNEL + ends("mark 5 mask 0xff") + STATES,
        "n: xfrm policy flush\nn: xfrm state flush\n"
        "m: $ iptables-legacy -t mangle -A PREROUTING -i pod -p udp -j MARK --set-mark 5",
        {TCP: SERVED, UDP: SILENT},
    ),
    trap(
        "a state for marked packets at the receiver",
        WHOLE,
        without("n", 0x11, M, N)
        + "\n"
        + state("n", 0x11, M, N, f"reqid 1 mode tunnel {GCM} mark 5 mask 0xff"),
        {TCP: SILENT},
    ),
    trap(
        "the tunnel's end is translated to another address",
        WHOLE,
        "m: $ iptables-legacy -t nat -A POSTROUTING -s 10.1.0.2 -d 10.2.0.2 -j SNAT --to 10.1.0.77\n"
        "m: addr add 10.1.0.77/32 dev pod",
        {UDP: "answer, b sees 10.1.0.77"},
    ),
    trap(
        "rules for what IPsec opened",
        WHOLE,
        "n: $ iptables-legacy -A FORWARD -i u -m policy --dir in --pol none -j DROP\n"
        "n: $ iptables-legacy -A FORWARD -i u -p udp -m policy --dir in --pol ipsec -j DROP",
        {TCP: SERVED, UDP: SILENT},
    ),
    trap(
        "may come in plain",
        TUNNEL,
        f"n: xfrm policy add src {A} dst {B} dir fwd tmpl proto esp mode transport level use",
        {TCP: SERVED},
    ),
)


SIX = """
wire a:eth0 m:pod
wire m:u n:u
wire n:pod b:eth0
a: addr add fd01::2/64 dev eth0 nodad
a: route add default via fd01::1
m: addr add fd01::1/64 dev pod nodad
m: addr add fd00:a::1/64 dev u nodad
m: route add fd02::/64 via fd00:a::2
m: sysctl net.ipv6.conf.all.forwarding=1
n: addr add fd02::1/64 dev pod nodad
n: addr add fd00:a::2/64 dev u nodad
n: route add fd01::/64 via fd00:a::1
n: sysctl net.ipv6.conf.all.forwarding=1
b: addr add fd02::2/64 dev eth0 nodad
b: route add default via fd02::1
b: no-listeners
b: listen tcp 80 ::
b: listen udp 53 ::
"""
"""a fd01::2 ─ m fd00:a::1 ─ fd00:a::2 n ─ fd02::2 b"""
M6, N6, A6, B6 = "fd00:a::1", "fd00:a::2", "fd01::/64", "fd02::/64"
SIX_POLICIES = (
    policy("m", "out", (A6, B6), (M6, N6))
    + policy("m", "fwd", (B6, A6), (N6, M6))
    + policy("n", "out", (B6, A6), (N6, M6))
    + policy("n", "fwd", (A6, B6), (M6, N6))
)
SIX_STATES = state("mn", 0x11, M6, N6) + state("mn", 0x12, N6, M6)
TRAPS6 = (
    trap(
        "IPv6 in IPv6",
        SIX + SIX_POLICIES + SIX_STATES,
        "",
        {
            "a tcp [fd02::2]": "answer, b sees fd01::2",
            "a udp [fd02::2] size=1426 df": "answer, b sees fd01::2",
            "a udp [fd02::2] size=1427 df": "message too long, icmp 2/0 from fd01::1",
        },
        ipv6=True,
    ),
    trap(
        "IPv6 in IPv6, without a state",
        SIX + SIX_POLICIES + state("m", 0x11, M6, N6),
        "",
        {"a tcp [fd02::2]": SILENT},
        ipv6=True,
    ),
)
ALL = (*TRAPS, *TRAPS6)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(ALL, tmp_path_factory.mktemp("guest"), ("xfrm_user", "esp4", "esp6"))


@pytest.mark.parametrize("tested", ALL, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


CODES = {
    "the sender has no state": "ipsec.state",
    "the receiver has no state": "ipsec.state",
    "another SPI at the receiver": "ipsec.state",
    "other algorithms at the receiver": "ipsec.state",
    "no policy lets it in": "ipsec.policy",
    "the policy wants another tunnel": "ipsec.policy",
    "no route to the tunnel's end": "route.none",
    "the receiver drops ESP": "netfilter.drop",
}
"""What the first flow's loss is called."""


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)


def test_a_tunnel_that_works_has_no_findings(labs: GuestLabs) -> None:
    assert not labs.loss_codes("a tunnel")
