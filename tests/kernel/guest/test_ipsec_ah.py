"""IPsec with AH: what the guest's kernel and the walk make of it."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs
from tests.kernel.guest.test_ip_tunnels import PLAIN, SERVED, TCP
from tests.kernel.guest.test_ipsec import A6, B6, BACK, M6, N6, SILENT, SIX, TUNNEL, UDP, A, B, M, N
from tests.kernel.guest.test_ipsec_nat import BACKWARDS, INSIDE, MASQUERADE, NATTED, NODES

pytestmark = pytest.mark.guest

SHA256 = "auth-trunc hmac(sha256) 0x0102030405060708090a0b0c0d0e0f10 128"
SHA1 = "auth-trunc hmac(sha1) 0x0102030405060708090a0b0c0d0e0f1011121314 96"


def state(hosts: str, spi: int, source: str, to: str, words: str = f"mode tunnel {SHA256}") -> str:
    line = f"xfrm state add src {source} dst {to} proto ah spi {spi} reqid 1 {words}\n"
    return "".join(f"{host}: {line}" for host in hosts)


def without(host: str, spi: int, source: str, to: str) -> str:
    return f"{host}: xfrm state del src {source} dst {to} proto ah spi {spi}\n"


def policy(
    host: str, direction: str, networks: tuple[str, str], ends: tuple[str, str] | None, proto: str = "ah"
) -> str:
    """Without ends in mode transport."""
    mode = f"src {ends[0]} dst {ends[1]} proto {proto} reqid 1 mode tunnel" if ends else ""
    template = mode or f"proto {proto} reqid 1 mode transport"
    return f"{host}: xfrm policy add src {networks[0]} dst {networks[1]} dir {direction} tmpl {template}\n"


def policies(m: str, n: str, left: str, right: str, *, seen: str = "") -> str:
    """`seen`: m as n sees it."""
    seen = seen or m
    return (
        policy("m", "out", (left, right), (m, n))
        + policy("m", "fwd", (right, left), (n, m))
        + policy("n", "out", (right, left), (n, seen))
        + policy("n", "fwd", (left, right), (seen, n))
    )


def between(m: str, n: str, *, seen: str = "") -> str:
    """Of the nodes themselves, in mode transport."""
    seen = seen or m
    return (
        policy("m", "out", (m, n), None)
        + policy("m", "in", (n, m), None)
        + policy("n", "out", (n, seen), None)
        + policy("n", "in", (seen, n), None)
    )


WHOLE = TUNNEL + policies(M, N, A, B) + state("mn", 0x11, M, N) + state("mn", 0x12, N, M)
MODE = f"mode transport {SHA256}"
TRANSPORT = PLAIN + between(M, N) + state("mn", 0x11, M, N, MODE) + state("mn", 0x12, N, M, MODE)
SHORTER = f"mode transport {SHA1}"
ALIGNED = f"mode transport flag align4 {SHA256}"


def behind_nat(words: str) -> str:
    return (
        state("m", 0x11, INSIDE, N, words)
        + state("n", 0x11, M, N, words)
        + state("m", 0x12, N, INSIDE, words)
        + state("n", 0x12, N, M, words)
    )


NODE_TCP, NODE_UDP = "m tcp 192.168.0.2", "m udp 192.168.0.2"
TRAPS = (
    trap(
        "a tunnel",
        WHOLE,
        "",
        {TCP: SERVED, UDP: SERVED, BACKWARDS: "answer, a sees 10.2.0.2"},
    ),
    trap("the receiver drops AH", WHOLE, "n: $ iptables-legacy -A INPUT -p ah -j DROP", {TCP: SILENT}),
    trap("the sender drops AH", WHOLE, "m: $ iptables-legacy -A OUTPUT -p ah -j DROP", {TCP: SILENT}),
    trap("rules for ESP are not met", WHOLE, "n: $ iptables-legacy -A INPUT -p esp -j DROP", {TCP: SERVED}),
    trap(
        "rules for the SPI",
        WHOLE,
        "n: $ iptables-legacy -A INPUT -p ah -m ah --ahspi 0x12:0x20 -j DROP\n"
        "n: $ iptables-legacy -A INPUT -p ah -m ah ! --ahspi 17 -j DROP",
        {TCP: SERVED},
    ),
    trap(
        "a rule for the SPI of the answer",
        WHOLE,
        "m: $ iptables-legacy -A INPUT -p ah -m ah --ahspi 18 -j DROP",
        {TCP: SILENT, UDP: BACK},
    ),
    trap(
        "rules for what AH brought",
        WHOLE,
        "n: $ iptables-legacy -A FORWARD -i u -p tcp -m policy --dir in --pol ipsec --proto esp -j DROP\n"
        "n: $ iptables-legacy -A FORWARD -i u -p udp -m policy --dir in --pol ipsec --proto ah"
        " --spi 0x11000000 --mode tunnel --tunnel-src 192.168.0.1 --tunnel-dst 192.168.0.2 --reqid 1 -j DROP",
        {TCP: SERVED, UDP: SILENT},
    ),
    *(
        trap(
            f"a rule for the state: {words}",
            WHOLE,
            f"n: $ iptables-legacy -A FORWARD -i u -m policy --dir in --pol ipsec {words} -j DROP",
            {UDP: SILENT if drops else SERVED},
        )
        for words, drops in (
            ("--proto ah", True),
            ("! --proto ah", False),
            ("--spi 17", False),
            ("--spi 0x11000000", True),
            ("--reqid 1", True),
            ("--reqid 2", False),
            ("--mode tunnel", True),
            ("--mode transport", False),
            ("--mode tunnel --tunnel-src 192.168.0.1", True),
            ("--mode tunnel --tunnel-src 192.168.0.0/24 --tunnel-dst 192.168.0.2/32", True),
            ("--mode tunnel ! --tunnel-src 192.168.0.0/24", False),
            ("--strict --proto ah --mode tunnel", True),
            ("--strict --proto ah --next --proto esp", False),
        )
    ),
    trap("the receiver has no state", WHOLE, without("n", 0x11, M, N), {TCP: SILENT, UDP: SILENT}),
    trap("no state for the answer", WHOLE, without("n", 0x12, N, M), {TCP: SILENT, UDP: BACK}),
    trap(
        "another digest at the receiver",
        WHOLE,
        without("n", 0x11, M, N) + state("n", 0x11, M, N, f"mode tunnel {SHA1}"),
        {TCP: SILENT},
    ),
    trap(
        "the receiver's policy wants ESP",
        WHOLE,
        f"n: xfrm policy del src {A} dst {B} dir fwd\n" + policy("n", "fwd", (A, B), (M, N), "esp"),
        {TCP: SILENT},
    ),
    trap(
        "as large as fits",
        WHOLE,
        "",
        {
            "a udp 10.2.0.2 size=1448 df": SERVED,
            "a udp 10.2.0.2 size=1449 df": "message too long, icmp 3/4 from 10.1.0.1",
        },
    ),
    trap(
        "from node to node in mode transport",
        TRANSPORT,
        "",
        {
            NODE_TCP: NODES,
            "m udp 192.168.0.2 size=1468 df": NODES,
            "m udp 192.168.0.2 size=1469 df": "message too long",
            "m icmp 192.168.0.2": "answer",
        },
    ),
    trap(
        "rules for the protocol inside are met once AH is taken off",
        TRANSPORT,
        "n: $ iptables-legacy -A INPUT -p udp -j DROP",
        {NODE_TCP: NODES, NODE_UDP: SILENT},
    ),
    trap(
        "from node to node with SHA1",
        PLAIN + between(M, N) + state("mn", 0x11, M, N, SHORTER) + state("mn", 0x12, N, M, SHORTER),
        "",
        {"m udp 192.168.0.2 size=1476 df": NODES, "m udp 192.168.0.2 size=1477 df": "message too long"},
    ),
    trap(
        "headers in steps of four bytes",
        PLAIN + between(M, N) + state("mn", 0x11, M, N, ALIGNED) + state("mn", 0x12, N, M, ALIGNED),
        "",
        {"m udp 192.168.0.2 size=1472 df": NODES, "m udp 192.168.0.2 size=1473 df": "message too long"},
    ),
    trap(
        "headers in steps of four bytes at the sender only",
        PLAIN
        + between(M, N)
        + state("m", 0x11, M, N, ALIGNED)
        + state("n", 0x11, M, N, MODE)
        + state("mn", 0x12, N, M, MODE),
        "",
        {NODE_TCP: SILENT},
    ),
    trap(
        "a tunnel through a NAT",
        NATTED + policies(INSIDE, N, A, B, seen=M) + behind_nat(f"mode tunnel {SHA256}") + MASQUERADE,
        "",
        {TCP: SILENT, UDP: SILENT, "a icmp 10.2.0.2": SILENT},
    ),
    trap(
        "mode transport through a NAT",
        NATTED + between(INSIDE, N, seen=M) + behind_nat(MODE) + MASQUERADE,
        "",
        {NODE_TCP: SILENT, NODE_UDP: SILENT, "m icmp 192.168.0.2": SILENT},
    ),
)
SIX_STATES = state("mn", 0x11, M6, N6) + state("mn", 0x12, N6, M6)
SIX_TRANSPORT = state("mn", 0x11, M6, N6, MODE) + state("mn", 0x12, N6, M6, MODE)
SIX_NODES = (
    SIX + between(M6, N6) + SIX_TRANSPORT + "n: listen tcp 80 ::\nn: listen udp 53 ::\nn: no-listeners\n"
)
TRAPS6 = (
    trap(
        "an IPv6 tunnel",
        SIX + policies(M6, N6, A6, B6) + SIX_STATES,
        "",
        {
            "a tcp [fd02::2]": "answer, b sees fd01::2",
            "a udp [fd02::2] size=1428 df": "answer, b sees fd01::2",
            "a udp [fd02::2] size=1429 df": "message too long, icmp 2/0 from fd01::1",
        },
        ipv6=True,
    ),
    trap(
        "an IPv6 tunnel, without a state",
        SIX + policies(M6, N6, A6, B6) + state("m", 0x11, M6, N6),
        "",
        {"a tcp [fd02::2]": SILENT},
        ipv6=True,
    ),
    trap(
        "IPv6 from node to node in mode transport",
        SIX_NODES,
        "",
        {
            "m tcp [fd00:a::2]": "answer, n sees fd00:a::1",
            "m udp [fd00:a::2] size=1468": "answer, n sees fd00:a::1",
            "m udp [fd00:a::2] size=1469": "answer, n sees fd00:a::1",
            "m udp [fd00:a::2] size=4000": "answer, n sees fd00:a::1",
        },
        ipv6=True,
    ),
    trap(
        "rules for the protocol AH in IPv6",
        SIX + policies(M6, N6, A6, B6) + SIX_STATES,
        "n: $ ip6tables-legacy -A INPUT -p ah -j DROP",
        {"a udp [fd02::2]": "answer, b sees fd01::2"},
        ipv6=True,
    ),
    trap(
        "rules for what is in AH in IPv6",
        SIX + policies(M6, N6, A6, B6) + SIX_STATES,
        "n: $ ip6tables-legacy -A INPUT -p ipv6 -j DROP",
        {"a udp [fd02::2]": SILENT},
        ipv6=True,
    ),
    trap(
        "rules for the SPI in IPv6",
        SIX + policies(M6, N6, A6, B6) + SIX_STATES,
        "n: $ ip6tables-legacy -A INPUT -m ah --ahspi 17 --ahlen 32 --ahres -j DROP",
        {"a udp [fd02::2]": SILENT},
        ipv6=True,
    ),
    trap(
        "rules for the protocol in AH from node to node",
        SIX_NODES,
        "n: $ ip6tables-legacy -t raw -A PREROUTING -p udp -m ah --ahspi 17 -j DROP",
        {"m udp [fd00:a::2]": SILENT, "m tcp [fd00:a::2]": "answer, n sees fd00:a::1"},
        ipv6=True,
    ),
)
ALL = (*TRAPS, *TRAPS6)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(ALL, tmp_path_factory.mktemp("guest"), ("xfrm_user", "esp4", "ah4", "ah6"))


@pytest.mark.parametrize("tested", ALL, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


CODES = {
    "the receiver drops AH": "netfilter.drop",
    "the receiver has no state": "ipsec.state",
    "another digest at the receiver": "ipsec.state",
    "the receiver's policy wants ESP": "ipsec.policy",
    "headers in steps of four bytes at the sender only": "ipsec.state",
    "a tunnel through a NAT": "ipsec.translated",
    "mode transport through a NAT": "ipsec.translated",
}
"""What the first flow's loss is called."""


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)


def test_a_tunnel_that_works_has_no_findings(labs: GuestLabs) -> None:
    assert not labs.loss_codes("a tunnel")
