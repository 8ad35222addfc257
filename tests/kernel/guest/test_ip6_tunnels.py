"""ip6tnl, ip6gre and ip6gretap: what the guest's kernel and the walk make of them."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

PLAIN = """
wire a:eth0 m:pod
wire m:u n:u
wire n:pod b:eth0
a: addr add 10.1.0.2/24 dev eth0
a: route add default via 10.1.0.1
a: addr add fd01::2/64 dev eth0 nodad
a: route add default via fd01::1
m: addr add 10.1.0.1/24 dev pod
m: addr add fd01::1/64 dev pod nodad
m: addr add fd00:a::1/64 dev u nodad
m: sysctl net.ipv4.ip_forward=1
m: sysctl net.ipv6.conf.all.forwarding=1
n: addr add 10.2.0.1/24 dev pod
n: addr add fd02::1/64 dev pod nodad
n: addr add fd00:a::2/64 dev u nodad
n: sysctl net.ipv4.ip_forward=1
n: sysctl net.ipv6.conf.all.forwarding=1
b: addr add 10.2.0.2/24 dev eth0
b: route add default via 10.2.0.1
b: addr add fd02::2/64 dev eth0 nodad
b: route add default via fd02::1
b: no-listeners
b: listen tcp 80 ::
b: listen udp 53 ::
"""
"""a ─ m fd00:a::1 ─ fd00:a::2 n ─ b, without a way between the networks of a and b"""
TCP, SERVED = "a tcp 10.2.0.2", "answer, b sees 10.1.0.2"
TCP6, SERVED6 = "a tcp fd02::2", "answer, b sees fd01::2"
BIG = "a udp 10.2.0.2 size=1500 df"
TOO_BIG, LOST = "message too long, icmp 3/4 from 10.1.0.1", "no route to host, icmp 3/1 from 10.1.0.1"


def tunnel(kind: str, left: str = "", right: str = "", remote: str = "fd00:a::2") -> str:
    """A tunnel with both ends fixed, and routes into it."""
    return PLAIN + (
        f"m: link add tn type {kind} local fd00:a::1 remote {remote} {left}\nm: link set tn up\n"
        "m: route add 10.2.0.0/24 dev tn\nm: route add fd02::/64 dev tn\n"
        f"n: link add tn type {kind} local fd00:a::2 remote fd00:a::1 {right}\nn: link set tn up\n"
        "n: route add 10.1.0.0/24 dev tn\nn: route add fd01::/64 dev tn\n"
    )


ANY = tunnel("ip6tnl", "mode any", "mode any")
TRAPS = (
    trap("both families", ANY, "", {TCP: SERVED, TCP6: SERVED6}, ipv6=True),
    trap(
        "IPv4 only",
        tunnel("ip6tnl", "mode ipip6", "mode ipip6"),
        "",
        {TCP: SERVED, TCP6: "timeout"},
        ipv6=True,
    ),
    trap(
        "IPv6 only",
        tunnel("ip6tnl", "mode ip6ip6", "mode ip6ip6"),
        "",
        {TCP6: SERVED6, TCP: "timeout"},
        ipv6=True,
    ),
    trap(
        "the receiver takes the other family",
        tunnel("ip6tnl", "mode any", "mode ip6ip6"),
        "",
        {TCP: "timeout"},
        ipv6=True,
    ),
    trap("the receiver's tunnel is down", ANY, "n: link set tn down", {TCP: LOST}, ipv6=True),
    trap(
        "another remote at the receiver",
        ANY,
        "n: link set tn type ip6tnl remote fd00:a::7",
        {TCP: LOST},
        ipv6=True,
    ),
    trap(
        "a remote that nobody has",
        tunnel("ip6tnl", "mode any", "mode any", "fd00:a::9"),
        "",
        {TCP: LOST},
        ipv6=True,
    ),
    trap(
        "no route to the remote",
        tunnel("ip6tnl", "mode any", "mode any", "fd00:b::9"),
        "",
        {TCP: LOST, "a udp fd02::2": "timeout, icmp 1/3 from fd01::1"},
        ipv6=True,
    ),
    trap(
        "its own address is gone",
        ANY,
        "m: addr del fd00:a::1/64 dev u\nm: addr add fd00:a::11/64 dev u nodad",
        {TCP: LOST},
        ipv6=True,
    ),
    trap(
        "the receiver's own address is gone",
        ANY,
        "n: addr del fd00:a::2/64 dev u\nn: addr add fd00:a::12/64 dev u nodad",
        {TCP: LOST},
        ipv6=True,
    ),
    trap(
        "a rule drops what is outside",
        ANY,
        "n: $ ip6tables-legacy -A INPUT -s fd00:a::1 -p 4 -j DROP",
        {TCP: "timeout", TCP6: SERVED6},
        ipv6=True,
    ),
    trap("too big for the tunnel", ANY, "", {BIG: TOO_BIG}, ipv6=True),
    trap(
        "too big for the way",
        ANY,
        "m: link set tn mtu 1500",
        {BIG: TOO_BIG, "a udp [fd02::2] size=1500": "message too long, icmp 2/0 from fd01::1"},
        ipv6=True,
    ),
    trap(
        "too big for the way, and may be cut",
        ANY,
        "m: link set tn mtu 1500\na: sysctl net.ipv4.ip_no_pmtu_disc=1",
        {"a udp 10.2.0.2 size=1490": "timeout, icmp 3/4 from 10.1.0.1"},
        ipv6=True,
    ),
    trap(
        "as big as can be",
        ANY,
        "",
        {"a udp 10.2.0.2 size=1452 df": SERVED, "a udp 10.2.0.2 size=1453 df": TOO_BIG},
        ipv6=True,
    ),
    trap(
        "without the option it may be bigger",
        tunnel("ip6tnl", "mode any encaplimit none", "mode any"),
        "",
        {"a udp 10.2.0.2 size=1460 df": SERVED, "a udp 10.2.0.2 size=1461 df": TOO_BIG},
        ipv6=True,
    ),
    trap("gre", tunnel("ip6gre"), "", {TCP: SERVED, TCP6: SERVED6}, ipv6=True),
    trap("gre with a key", tunnel("ip6gre", "key 7", "key 7"), "", {TCP: SERVED}, ipv6=True),
    trap("gre with checksums", tunnel("ip6gre", "csum", "csum"), "", {TCP: SERVED}, ipv6=True),
    trap("gre with checksums of one end", tunnel("ip6gre", "ocsum"), "", {TCP: "timeout"}, ipv6=True),
    trap("gre that wants sequence numbers", tunnel("ip6gre", "", "iseq"), "", {TCP: "timeout"}, ipv6=True),
    trap("gre with different keys", tunnel("ip6gre", "key 7", "key 8"), "", {TCP: "timeout"}, ipv6=True),
    trap("too big for gre", tunnel("ip6gre"), "", {BIG: TOO_BIG}, ipv6=True),
    trap(
        "gretap",
        tunnel("ip6gretap"),
        "m: addr add 10.9.0.1/24 dev tn\nn: addr add 10.9.0.2/24 dev tn\n"
        "m: route replace 10.2.0.0/24 via 10.9.0.2\nn: route replace 10.1.0.0/24 via 10.9.0.1",
        {TCP: SERVED},
        ipv6=True,
    ),
    trap(
        "the mark inside does not choose the way",
        ANY,
        "m: $ iptables-legacy -t mangle -A PREROUTING -j MARK --set-mark 5\n"
        "m: $ ip -6 rule add fwmark 5 blackhole pref 5",
        {TCP: SERVED},
        ipv6=True,
    ),
    trap(
        "the device's mark does",
        tunnel("ip6tnl", "mode any fwmark 5", "mode any"),
        "m: $ ip -6 rule add fwmark 5 blackhole pref 5",
        {TCP: LOST},
        ipv6=True,
    ),
)
CODES = {
    "the receiver takes the other family": "tunnel.closed",
    "the receiver's tunnel is down": "tunnel.closed",
    "another remote at the receiver": "tunnel.closed",
    "a remote that nobody has": "neighbour.unresolved",
    "no route to the remote": "route.none",
    "its own address is gone": "source.address",
    "a rule drops what is outside": "netfilter.drop",
    "too big for the way": "forwarding.too-big",
    "gre with different keys": "tunnel.closed",
    "the device's mark does": "route.blackhole",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = ("ip6_tunnel", "ip6_gre", "ip6table_filter", "iptable_mangle")
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
