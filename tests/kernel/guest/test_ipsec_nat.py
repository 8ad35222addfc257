"""ESP in UDP (NAT-T), as key daemons set it up: what the guest's kernel and the walk make of it."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs
from tests.kernel.guest.test_ip_tunnels import PLAIN, SERVED, TCP
from tests.kernel.guest.test_ipsec import (
    BACK,
    CBC,
    GCM,
    M6,
    N6,
    SILENT,
    SIX,
    SIX_POLICIES,
    TRANSPORT,
    TUNNEL,
    UDP,
    M,
    N,
    ends,
    policy,
    state,
    without,
)

pytestmark = pytest.mark.guest

PING, BACKWARDS = "a icmp 10.2.0.2", "b tcp 10.1.0.2"
ANSWERED = "answer, a sees 10.2.0.2"


def encap(sport: int = 4500, dport: int = 4500, words: str = f"reqid 1 mode tunnel {GCM}") -> str:
    return f"{words} encap espinudp {sport} {dport} 0.0.0.0"


def daemons(hosts: str = "mn", words: str = "espinudp bypass", port: int = 4500) -> str:
    return "".join(f"{host}: listen udp {port} {words}\n" for host in hosts)


THERE, BACK_STATE = state("mn", 0x11, M, N, encap()), state("mn", 0x12, N, M, encap())
WHOLE = TUNNEL + ends() + THERE + BACK_STATE + daemons()
CBC_WHOLE = (
    TUNNEL
    + ends()
    + state("mn", 0x11, M, N, encap(words=f"reqid 1 mode tunnel {CBC}"))
    + BACK_STATE
    + daemons()
)


def transport(words: str = "reqid 1 mode transport " + GCM) -> str:
    return (
        PLAIN
        + state("mn", 0x11, M, N, encap(words=words))
        + state("mn", 0x12, N, M, encap(words=words))
        + "".join(TRANSPORT[2:])
    )


NATTED = """
wire a:eth0 m:pod
wire m:u r:in
wire r:out n:u
wire n:pod b:eth0
a: addr add 10.1.0.2/24 dev eth0
a: route add default via 10.1.0.1
m: addr add 10.1.0.1/24 dev pod
m: addr add 172.16.0.2/24 dev u
m: route add default via 172.16.0.1
m: sysctl net.ipv4.ip_forward=1
r: addr add 172.16.0.1/24 dev in
r: addr add 192.168.0.1/24 dev out
r: sysctl net.ipv4.ip_forward=1
n: addr add 10.2.0.1/24 dev pod
n: addr add 192.168.0.2/24 dev u
n: route add 10.1.0.0/24 via 192.168.0.1
n: sysctl net.ipv4.ip_forward=1
b: addr add 10.2.0.2/24 dev eth0
b: route add default via 10.2.0.1
"""
"""a 10.1.0.2 ─ m 172.16.0.2 ─ r 192.168.0.1 ─ 192.168.0.2 n ─ 10.2.0.2 b: r translates what m sends"""
INSIDE = "172.16.0.2"
MASQUERADE = "r: $ iptables-legacy -t nat -A POSTROUTING -o out -j MASQUERADE\n"
PORTS_CHANGED = "r: $ iptables-legacy -t nat -A POSTROUTING -o out -p udp -j SNAT --to 192.168.0.1:6000\n"


def behind_nat(port: int = 4500, seen: str = M, words: str = f"reqid 1 mode tunnel {GCM}") -> str:
    """m knows its own address, n that of the NAT, and the port that it gave m."""
    return (
        state("m", 0x11, INSIDE, N, encap(words=words))
        + state("n", 0x11, seen, N, encap(port, 4500, words))
        + state("m", 0x12, N, INSIDE, encap(words=words))
        + state("n", 0x12, N, seen, encap(4500, port, words))
    )


def policies_behind_nat() -> str:
    there, back = ("10.1.0.0/24", "10.2.0.0/24"), ("10.2.0.0/24", "10.1.0.0/24")
    return (
        policy("m", "out", there, (INSIDE, N))
        + policy("m", "fwd", back, (N, INSIDE))
        + policy("n", "out", back, (N, M))
        + policy("n", "fwd", there, (M, N))
    )


NAT_TUNNEL = NATTED + policies_behind_nat() + daemons()
RESPONSE = "a udp 10.2.0.2"


def nat_transport(words: str) -> str:
    """Between the nodes; each policy has the addresses that its node sees."""
    template = "tmpl proto esp reqid 1 mode transport\n"
    return NATTED + "".join(
        f"{host}: xfrm policy add src {source} dst {to} dir {way} {words} {template}"
        for host, way, source, to in (
            ("m", "out", INSIDE, N),
            ("m", "in", N, INSIDE),
            ("n", "out", N, M),
            ("n", "in", M, N),
        )
    )


MODE_TRANSPORT = f"reqid 1 mode transport {GCM}"
ESP_BEHIND_NAT = (
    state("m", 0x11, INSIDE, N, MODE_TRANSPORT)
    + state("n", 0x11, M, N, MODE_TRANSPORT)
    + state("m", 0x12, N, INSIDE, MODE_TRANSPORT)
    + state("n", 0x12, N, M, MODE_TRANSPORT)
)
NODES = "answer, n sees 192.168.0.1"
DROP_4500, DROP_ESP = "-p udp --dport 4500 -j DROP", "-p esp -j DROP"


TRAPS = (
    trap(
        "a tunnel in UDP",
        WHOLE,
        "",
        {TCP: SERVED, UDP: SERVED, PING: "answer", BACKWARDS: ANSWERED},
    ),
    trap(
        "the receiver drops the port",
        WHOLE,
        f"n: $ iptables-legacy -A INPUT {DROP_4500}",
        {TCP: SILENT, UDP: SILENT},
    ),
    trap(
        "the sender drops the port",
        WHOLE,
        f"m: $ iptables-legacy -A OUTPUT {DROP_4500}",
        {TCP: SILENT, UDP: SILENT},
    ),
    trap(
        "the answer's port is dropped",
        WHOLE,
        f"m: $ iptables-legacy -A INPUT {DROP_4500}",
        {TCP: SILENT, UDP: BACK},
    ),
    trap(
        "rules for ESP are not met",
        WHOLE,
        f"n: $ iptables-legacy -A INPUT {DROP_ESP}\nm: $ iptables-legacy -A OUTPUT {DROP_ESP}",
        {TCP: SERVED},
    ),
    trap(
        "only connections that were made here come in",
        WHOLE,
        "n: $ iptables-legacy -A INPUT -m conntrack --ctstate NEW -p udp -j DROP",
        {TCP: SILENT},
    ),
    trap(
        "the receiver's state is without UDP",
        WHOLE,
        without("n", 0x11, M, N) + "\n" + state("n", 0x11, M, N),
        {TCP: SILENT, UDP: SILENT},
    ),
    trap(
        "the sender's state is without UDP",
        WHOLE,
        without("m", 0x11, M, N) + "\n" + state("m", 0x11, M, N),
        {TCP: SILENT, UDP: SILENT},
    ),
    trap(
        "the sender's state has another port, where nobody listens",
        WHOLE,
        without("m", 0x11, M, N) + "\n" + state("m", 0x11, M, N, encap(4500, 4501)),
        {TCP: SILENT, UDP: SILENT},
    ),
    trap(
        "the sender's own port is another than the receiver's state says",
        WHOLE,
        without("m", 0x11, M, N) + "\n" + state("m", 0x11, M, N, encap(4777, 4500)),
        {TCP: SERVED, UDP: SERVED},
    ),
    trap("no daemon at the receiver", TUNNEL + ends() + THERE + BACK_STATE + daemons("m"), "", {TCP: SILENT}),
    trap(
        "no state at the receiver",
        WHOLE,
        without("n", 0x11, M, N),
        {TCP: SILENT, UDP: SILENT},
    ),
    trap(
        "the daemon uses another port",
        TUNNEL
        + ends()
        + state("mn", 0x11, M, N, encap(4500, 4511))
        + state("mn", 0x12, N, M, encap(4511, 4500))
        + daemons("m")
        + daemons("n", port=4511),
        "",
        {TCP: SERVED},
    ),
    trap(
        "as large as fits in UDP",
        WHOLE,
        "",
        {
            "a udp 10.2.0.2 size=1438 df": SERVED,
            "a udp 10.2.0.2 size=1439 df": "message too long, icmp 3/4 from 10.1.0.1",
        },
    ),
    trap(
        "as large as fits with CBC in UDP",
        CBC_WHOLE,
        "",
        {
            "a udp 10.2.0.2 size=1422 df": SERVED,
            "a udp 10.2.0.2 size=1423 df": "message too long, icmp 3/4 from 10.1.0.1",
        },
    ),
    trap(
        "the daemon's socket has no policy of its own, and needs none",
        TUNNEL + ends() + THERE + BACK_STATE + daemons(words="espinudp"),
        "",
        {TCP: SERVED},
    ),
    trap(
        "from node to node in mode transport in UDP",
        transport() + daemons(),
        "",
        {
            "m tcp 192.168.0.2": NODES,
            "m udp 192.168.0.2 size=1458 df": NODES,
            "m udp 192.168.0.2 size=1459 df": "message too long",
        },
    ),
    trap(
        "the receiver's policy takes its own UDP packets transformed only",
        transport() + daemons(words="espinudp"),
        "",
        {"m tcp 192.168.0.2": SILENT},
    ),
    trap(
        "datagrams of a program to the daemon's port",
        WHOLE,
        "",
        {
            "m udp 192.168.0.2:4500": NODES,
            "m udp 192.168.0.2:4500 size=36": NODES,
            "m udp 192.168.0.2:4500 size=37": f"{NODES} | unknown",
        },
    ),
    trap("through a NAT", NAT_TUNNEL + behind_nat() + MASQUERADE, "", {TCP: SERVED, UDP: SERVED}),
    trap(
        "through a NAT that changes ports",
        NAT_TUNNEL + behind_nat(6000) + PORTS_CHANGED,
        "",
        {TCP: SERVED, UDP: SERVED},
    ),
    trap(
        "the NAT changed the port since it was negotiated",
        NAT_TUNNEL + behind_nat() + PORTS_CHANGED,
        "",
        {TCP: SILENT, UDP: BACK},
    ),
    trap(
        "the NAT has the connection no more",
        NAT_TUNNEL + behind_nat() + MASQUERADE,
        "",
        {BACKWARDS: SILENT},
    ),
    trap(
        "mode transport in UDP through a NAT",
        nat_transport("") + behind_nat(words=MODE_TRANSPORT) + MASQUERADE + daemons(),
        "",
        {"m tcp 192.168.0.2": NODES, "m udp 192.168.0.2": NODES, "m icmp 192.168.0.2": "answer"},
    ),
    trap(
        "mode transport without UDP through a NAT",
        nat_transport("") + ESP_BEHIND_NAT + MASQUERADE,
        "",
        {"m tcp 192.168.0.2": SILENT, "m udp 192.168.0.2": SILENT, "m icmp 192.168.0.2": "answer"},
    ),
    trap(
        "rules for what came out of ESP in UDP",
        WHOLE,
        "n: $ iptables-legacy -A FORWARD -i u -p udp -m policy --dir in --pol ipsec --proto esp"
        " --mode tunnel --tunnel-src 192.168.0.1 -j DROP\n"
        "n: $ iptables-legacy -A FORWARD -i u -p tcp -m policy --dir in --pol ipsec --proto ah -j DROP",
        {TCP: SERVED, UDP: SILENT},
    ),
)
SIX_ENCAP = (
    SIX
    + SIX_POLICIES
    + state("mn", 0x11, M6, N6, f"reqid 1 mode tunnel {GCM} encap espinudp 4500 4500 ::")
    + state("mn", 0x12, N6, M6, f"reqid 1 mode tunnel {GCM} encap espinudp 4500 4500 ::")
    + "m: listen udp 4500 :: v6only espinudp bypass\n"
)
TRAPS6 = (
    trap(
        "IPv6 in UDP",
        SIX_ENCAP + "n: listen udp 4500 :: v6only espinudp bypass\n",
        "",
        {
            "a tcp [fd02::2]": "answer, b sees fd01::2",
            "a udp [fd02::2] size=1418 df": "answer, b sees fd01::2",
            "a udp [fd02::2] size=1419 df": "message too long, icmp 2/0 from fd01::1",
        },
        ipv6=True,
    ),
    trap("IPv6 in UDP, no daemon at the receiver", SIX_ENCAP, "", {"a tcp [fd02::2]": SILENT}, ipv6=True),
)
ALL = (*TRAPS, *TRAPS6)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(ALL, tmp_path_factory.mktemp("guest"), ("xfrm_user", "esp4", "esp6"))


@pytest.mark.parametrize("tested", ALL, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


CODES = {
    "the receiver drops the port": "netfilter.drop",
    "the sender drops the port": "netfilter.drop",
    "the receiver's state is without UDP": "ipsec.state",
    "the sender's state is without UDP": "ipsec.state",
    "the sender's state has another port, where nobody listens": "tunnel.closed",
    "no daemon at the receiver": "tunnel.closed",
    "no state at the receiver": "ipsec.state",
    "the receiver's policy takes its own UDP packets transformed only": "ipsec.policy",
    "mode transport without UDP through a NAT": "ipsec.translated",
}
"""What the first flow's loss is called."""


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)


@pytest.mark.parametrize("title", ["a tunnel in UDP", "through a NAT"])
def test_a_tunnel_that_works_has_no_findings(labs: GuestLabs, title: str) -> None:
    assert not labs.loss_codes(title)
