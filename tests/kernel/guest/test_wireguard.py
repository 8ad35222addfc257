"""WireGuard: what the kernel of the emulated machine and the walk make of it."""

from base64 import b64encode

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest import emulated
from tests.kernel.guest.labs import GuestLabs
from tests.kernel.guest.test_ip_tunnels import PLAIN, PLAIN6, SERVED, SERVED6, TCP, TCP6

pytestmark = pytest.mark.emulated

KEYS = {name: b64encode(bytes([number]) * 32).decode() for number, name in enumerate("mnx", 1)}
"""Private ones."""
PORT = 51820
EVERYTHING = "10.0.0.0/8,fd00::/8"
LOST = "no route to host, icmp 3/1 from 10.1.0.1"
BIG = "a udp 10.2.0.2 size=1500 df"


def public(name: str) -> str:
    """In a command of a shell."""
    return f"$(echo {KEYS[name]} | wg pubkey)"


def own(host: str, settings: str = f"listen-port {PORT}") -> str:
    return f"{host}: $ echo {KEYS[host]} | wg set wg0 private-key /dev/stdin {settings}\n"


def peer(host: str, name: str, endpoint: str = "", allowed: str = EVERYTHING, more: str = "") -> str:
    end = f"endpoint {endpoint}:{PORT}" if endpoint else ""
    return f"{host}: $ wg set wg0 peer {public(name)} {end} allowed-ips {allowed} {more}\n"


def preshared(host: str, name: str) -> str:
    return f"{host}: $ echo {KEYS['x']} | wg set wg0 peer {public(name)} preshared-key /dev/stdin\n"


def device(host: str, address: str, *networks: str) -> str:
    return (
        f"{host}: link add wg0 type wireguard\n{host}: addr add {address} dev wg0\n"
        + own(host)
        + f"{host}: link set wg0 up\n"
        + "".join(f"{host}: route add {network} dev wg0\n" for network in networks)
    )


BARE = (
    PLAIN + device("m", "10.9.0.1/32", "10.2.0.0/24") + device("n", "10.9.0.2/32", "10.1.0.0/24", "10.9.0.1")
)
M_TO_N, N_TO_M = peer("m", "n", "192.168.0.2"), peer("n", "m", "192.168.0.1")
BOTH = BARE + M_TO_N + N_TO_M
BARE6 = PLAIN6 + device("m", "fd09::1/128", "fd02::/64") + device("n", "fd09::2/128", "fd01::/64")
OUTER6 = (
    "m: addr add fd00:a::1/64 dev u nodad\nn: addr add fd00:a::2/64 dev u nodad\n"
    + peer("m", "n", "[fd00:a::2]")
    + peer("n", "m", "[fd00:a::1]")
)
MOVED = (
    BARE
    + M_TO_N
    + N_TO_M
    + "m: link set wg0 netns {a}\na: addr add 10.1.0.2/32 dev wg0\na: link set wg0 up\n"
    + "a: route add 10.2.0.0/24 dev wg0\n"
)
"""The device is the pod's, but its packets leave by the node."""
MARKED = (
    "m: route replace default dev wg0 table 7\nm: rule add not fwmark 9 table 7\n"
    "m: rule add table main suppress_prefixlength 0 pref 100\n"
)
"""As wg-quick sets it up for a default route."""
TRAPS = (
    trap(
        "both know where the other is", BOTH, "", {TCP: SERVED, "m tcp 10.2.0.2": "answer, b sees 10.9.0.1"}
    ),
    trap("a small datagram and an echo", BOTH, "", {"a udp 10.2.0.2": SERVED, "a icmp 10.2.0.2": "answer"}),
    trap("the receiver learns where the sender is", BARE + M_TO_N + peer("n", "m"), "", {TCP: SERVED}),
    trap("the sender does not know where the peer is", BARE + peer("m", "n") + N_TO_M, "", {TCP: LOST}),
    trap("there is no peer", BARE + N_TO_M, "", {TCP: LOST, "m tcp 10.2.0.2": "no route to host"}),
    trap(
        "the destination is not allowed",
        BARE + peer("m", "n", "192.168.0.2", "10.3.0.0/16") + N_TO_M,
        "",
        {TCP: LOST},
    ),
    trap(
        "the source is not allowed",
        BARE + M_TO_N + peer("n", "m", "192.168.0.1", "10.9.0.1/32"),
        "",
        {TCP: "timeout", "m tcp 10.2.0.2": "answer, b sees 10.9.0.1"},
    ),
    trap(
        "another peer has a longer prefix for the destination",
        BOTH,
        peer("m", "x", "192.168.0.9", "10.2.0.0/24"),
        {TCP: "timeout"},
    ),
    trap(
        "another peer has a longer prefix for the source",
        BOTH,
        peer("n", "x", "192.168.0.9", "10.1.0.0/24"),
        {TCP: "timeout"},
    ),
    trap(
        "another peer has a longer prefix for something else",
        BOTH,
        peer("m", "x", "192.168.0.9", "10.2.0.128/25"),
        {TCP: SERVED},
    ),
    trap(
        "the receiver does not know the sender's key",
        BARE + M_TO_N + peer("n", "x", "192.168.0.1"),
        "",
        {TCP: "timeout"},
    ),
    trap(
        "the sender knows an old key of the receiver",
        BARE + peer("m", "x", "192.168.0.2") + N_TO_M,
        "",
        {TCP: "timeout"},
    ),
    trap("the sender has no private key", BOTH, "m: $ wg set wg0 private-key /dev/null", {TCP: "timeout"}),
    trap("the peer listens on another port", BOTH, "n: $ wg set wg0 listen-port 51821", {TCP: "timeout"}),
    trap("the endpoint is nobody's", BARE + peer("m", "n", "192.168.0.9") + N_TO_M, "", {TCP: "timeout"}),
    trap(
        "there is no route to the endpoint",
        BARE + peer("m", "n", "172.16.0.1") + N_TO_M,
        "",
        {TCP: "timeout"},
    ),
    trap("the receiver's device is down", BOTH, "n: link set wg0 down", {TCP: "timeout"}),
    trap(
        "a rule drops the port",
        BOTH,
        f"n: $ iptables-legacy -A INPUT -p udp --dport {PORT} -j DROP",
        {TCP: "timeout"},
    ),
    trap(
        "a rule drops what is inside",
        BOTH,
        "n: $ iptables-legacy -A FORWARD -i wg0 -p tcp -j DROP",
        {TCP: "timeout", "a udp 10.2.0.2": SERVED},
    ),
    trap(
        "a rule does not see the mark outside",
        BOTH,
        "m: $ iptables-legacy -t mangle -A PREROUTING -j MARK --set-mark 5\n"
        "m: $ iptables-legacy -A OUTPUT -m mark --mark 5 -j DROP",
        {TCP: SERVED},
    ),
    trap(
        "a rule drops by the device's mark",
        BOTH,
        "m: $ wg set wg0 fwmark 9\nm: $ iptables-legacy -A OUTPUT -m mark --mark 9 -j DROP",
        {TCP: "timeout"},
    ),
    trap("a default route into it, with a mark", BOTH, "m: $ wg set wg0 fwmark 9\n" + MARKED, {TCP: SERVED}),
    trap(
        "a default route into it, without the mark",
        BOTH,
        MARKED + "m: rule del pref 100\nm: route del 10.2.0.0/24",
        {TCP: "timeout"},
    ),
    trap(
        "a preshared key at one end",
        BARE + peer("m", "n", "192.168.0.2") + N_TO_M,
        preshared("m", "n"),
        {TCP: "timeout"},
    ),
    trap("a preshared key at both ends", BOTH, preshared("m", "n") + preshared("n", "m"), {TCP: SERVED}),
    trap(
        "reverse path filter",
        BOTH,
        "n: route replace 10.1.0.0/24 via 192.168.0.1 dev u\nn: sysctl net.ipv4.conf.all.rp_filter=1",
        {TCP: "timeout"},
    ),
    trap("too big for the device", BOTH, "", {BIG: "message too long, icmp 3/4 from 10.1.0.1"}),
    trap("too big for the way, cut outside", BOTH, "m: link set wg0 mtu 1500", {BIG: SERVED}),
    trap(
        "the source of an unroutable packet was translated",
        BARE + N_TO_M,
        "m: $ iptables-legacy -t nat -A POSTROUTING -o wg0 -j MASQUERADE",
        {TCP: LOST},
    ),
    trap(
        "the source inside is translated",
        BOTH,
        "m: $ iptables-legacy -t nat -A POSTROUTING -o wg0 -j MASQUERADE",
        {TCP: "answer, b sees 10.9.0.1"},
    ),
    trap(
        "the port outside is translated",
        BOTH,
        "m: $ iptables-legacy -t nat -A POSTROUTING -o u -p udp -j SNAT --to 192.168.0.1:40000",
        {TCP: SERVED},
    ),
    trap(
        "who was asked at his second address answers from it",
        BARE + peer("m", "n", "192.168.0.22") + N_TO_M,
        "n: addr add 192.168.0.22/24 dev u\nm: $ iptables-legacy -A INPUT -p udp -s 192.168.0.2 -j DROP",
        {TCP: SERVED},
    ),
    trap("the device was made in another namespace", MOVED, "", {TCP: "answer, b sees 10.1.0.2 | unknown"}),
    trap("IPv6 inside", BARE6 + M_TO_N + N_TO_M, "", {TCP6: SERVED6}, ipv6=True),
    trap("IPv6 outside", BARE6 + OUTER6, "", {TCP6: SERVED6}, ipv6=True),
    trap("IPv6, no peer", BARE6, "", {"a udp fd02::2": "timeout, icmp 1/3 from fd01::1"}, ipv6=True),
)
CODES = {
    "the sender does not know where the peer is": "tunnel.no-remote",
    "there is no peer": "tunnel.no-remote",
    "the destination is not allowed": "tunnel.no-remote",
    "the source is not allowed": "wireguard.source",
    "another peer has a longer prefix for the destination": "neighbour.unresolved",
    "another peer has a longer prefix for the source": "wireguard.source",
    "the receiver does not know the sender's key": "wireguard.key",
    "the sender knows an old key of the receiver": "wireguard.key",
    "the sender has no private key": "wireguard.key",
    "the peer listens on another port": "tunnel.closed",
    "there is no route to the endpoint": "route.none",
    "the receiver's device is down": "tunnel.closed",
    "a rule drops the port": "netfilter.drop",
    "a default route into it, without the mark": "forwarding.ttl",
    "a preshared key at one end": "wireguard.key",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = ("wireguard", "iptable_filter", "iptable_mangle", "iptable_nat", "xt_mark", "xt_MASQUERADE")
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules, emulated)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
