"""VRFs: what the guest's kernel and the walk make of them (K-55)."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

NETWORK = """
wire a:eth0 r:p0
wire r:p1 b:eth0
wire r:p2 c:eth0
r: link add red type vrf table 10
r: link set red up
r: link set p0 master red
r: link set p1 master red
a: addr add 10.1.0.2/24 dev eth0
a: route add default via 10.1.0.1
b: addr add 10.2.0.2/24 dev eth0
b: route add default via 10.2.0.1
c: addr add 10.3.0.2/24 dev eth0
c: route add default via 10.3.0.1
r: addr add 10.1.0.1/24 dev p0
r: addr add 10.2.0.1/24 dev p1
r: addr add 10.3.0.1/24 dev p2
r: sysctl net.ipv4.ip_forward=1
r: listen tcp 81 dev=red
r: listen udp 54 dev=red
r: listen tcp 82 dev=p0
"""
"""a 10.1.0.2 and b 10.2.0.2 in the VRF red of r, c 10.3.0.2 outside of it"""
NETWORK6 = """
wire a:eth0 r:p0
wire r:p1 b:eth0
r: link add red type vrf table 10
r: link set red up
r: link set p0 master red
r: link set p1 master red
a: addr add fd01::2/64 dev eth0 nodad
a: route add default via fd01::1
b: addr add fd02::2/64 dev eth0 nodad
b: route add default via fd02::1
r: addr add fd01::1/64 dev p0 nodad
r: addr add fd02::1/64 dev p1 nodad
r: sysctl net.ipv6.conf.all.forwarding=1
r: no-listeners
b: no-listeners
b: listen tcp 80 ::
r: listen tcp 81 :: dev=red
"""
TCP, SERVED = "a tcp 10.2.0.2", "answer, b sees 10.1.0.2"
OWN, REFUSED = "a tcp 10.1.0.1", "connection refused"
FROM_RED, FROM_RED_SERVED = "r tcp 10.2.0.2%red", "answer, b sees 10.2.0.1"


def dropped(chain: str, match: str) -> str:
    return f"r: $ iptables-legacy -A {chain} {match} -p tcp --dport 80 -j DROP"


def raw(match: str) -> str:
    return f"r: $ iptables-legacy -t raw -A PREROUTING {match} -p tcp --dport 80 -j DROP"


TRAPS = (
    trap("within the VRF", NETWORK, "", {TCP: SERVED, "a icmp 10.2.0.2": "answer"}),
    trap(
        "out of it by the main table, and no way back",
        NETWORK,
        "",
        {"a tcp 10.3.0.2": "timeout", "c tcp 10.2.0.2": "network is unreachable, icmp 3/0 from 10.3.0.1"},
    ),
    trap(
        "its table ends look-ups",
        NETWORK,
        "r: route add unreachable default metric 4278198272 table 10",
        {"a tcp 10.3.0.2": "no route to host, icmp 3/1 from 10.1.0.1", TCP: SERVED},
    ),
    trap(
        "no route anywhere", NETWORK, "", {"a tcp 10.9.0.2": "network is unreachable, icmp 3/0 from 10.1.0.1"}
    ),
    trap(
        "a route to a device outside, and back",
        NETWORK,
        "r: route add 10.3.0.0/24 dev p2 table 10\nr: route add 10.1.0.0/24 dev p0",
        {"a tcp 10.3.0.2": "answer, c sees 10.1.0.2"},
    ),
    trap(
        "a route into the VRF",
        NETWORK,
        "r: route add 10.1.0.0/24 dev red\nr: route add 10.3.0.0/24 dev p2 table 10",
        {"c tcp 10.1.0.2": "answer, a sees 10.3.0.2"},
    ),
    trap(
        "without the rule l3mdev",
        NETWORK,
        "r: rule del pref 1000",
        {TCP: "no route to host"},
    ),
    trap("the VRF is down", NETWORK, "r: link set red down", {TCP: SERVED}),
    trap(
        "a port of it is down",
        NETWORK,
        "r: link set p1 down",
        {TCP: "network is unreachable, icmp 3/0 from 10.1.0.1"},
    ),
    trap(
        "a socket that is bound to it",
        NETWORK,
        "",
        {FROM_RED: FROM_RED_SERVED, "r udp 10.2.0.2%red": FROM_RED_SERVED, "r icmp 10.2.0.2%red": "answer"},
    ),
    trap("a socket that is bound to a port of it", NETWORK, "", {"r tcp 10.2.0.2%p1": FROM_RED_SERVED}),
    trap("a socket that is not bound", NETWORK, "", {"r tcp 10.2.0.2": "network is unreachable"}),
    trap(
        "a listener that is not bound",
        NETWORK,
        "",
        {
            OWN: REFUSED,
            "a udp 10.1.0.1": "connection refused, icmp 3/3 from 10.1.0.1",
            "a icmp 10.1.0.1": "answer",
        },
    ),
    trap(
        "listeners that are bound",
        NETWORK,
        "",
        {
            "a tcp 10.1.0.1:81": "answer, r sees 10.1.0.2",
            "a udp 10.1.0.1:54": "answer, r sees 10.1.0.2",
            "a tcp 10.1.0.1:82": "answer, r sees 10.1.0.2",
            "b tcp 10.2.0.1:82": REFUSED,
        },
    ),
    trap(
        "a bound listener asked at a port's other address",
        NETWORK,
        "",
        {"a tcp 10.2.0.1:81": "answer, r sees 10.1.0.2"},
    ),
    trap(
        "a bound listener asked from outside",
        NETWORK,
        "",
        {"c tcp 10.3.0.1:81": REFUSED, "c tcp 10.3.0.1": "answer, r sees 10.3.0.2"},
    ),
    trap(
        "unbound listeners take what is the VRF's",
        NETWORK,
        "r: sysctl net.ipv4.tcp_l3mdev_accept=1",
        {OWN: "answer, r sees 10.1.0.2"},
    ),
    trap(
        "unbound datagram sockets answer by the main table",
        NETWORK,
        "r: sysctl net.ipv4.udp_l3mdev_accept=1",
        {"a udp 10.1.0.1": "timeout, r sees 10.1.0.2"},
    ),
    trap(
        "an address of the VRF itself",
        NETWORK,
        "r: addr add 10.99.0.1/32 dev red",
        {"a tcp 10.99.0.1:81": "answer, r sees 10.1.0.2"},
    ),
    trap("r to itself within the VRF", NETWORK, "", {"r tcp 10.1.0.1%red:81": "answer, r sees 10.1.0.1"}),
    trap(
        "a rule for the VRF at INPUT",
        NETWORK,
        "r: sysctl net.ipv4.tcp_l3mdev_accept=1\n" + dropped("INPUT", "-i red"),
        {OWN: "timeout"},
    ),
    trap(
        "a rule for the port at INPUT",
        NETWORK,
        "r: sysctl net.ipv4.tcp_l3mdev_accept=1\n" + dropped("INPUT", "-i p0"),
        {OWN: "answer, r sees 10.1.0.2"},
    ),
    trap("a rule for the VRF at FORWARD", NETWORK, dropped("FORWARD", "-i red"), {TCP: "timeout"}),
    trap("a rule for the port at FORWARD", NETWORK, dropped("FORWARD", "-i p0"), {TCP: SERVED}),
    trap("a rule for the out port at FORWARD", NETWORK, dropped("FORWARD", "-o p1"), {TCP: "timeout"}),
    trap("a rule for the VRF at PREROUTING", NETWORK, raw("-i red"), {TCP: "timeout"}),
    trap("a rule for the port at PREROUTING", NETWORK, raw("-i p0"), {TCP: "timeout"}),
    trap("a rule for the VRF at OUTPUT", NETWORK, dropped("OUTPUT", "-o red"), {FROM_RED: "timeout"}),
    trap("a rule for the port at OUTPUT", NETWORK, dropped("OUTPUT", "-o p1"), {FROM_RED: "timeout"}),
    trap(
        "a rule for untracked packets at OUTPUT",
        NETWORK,
        dropped("OUTPUT", "-m conntrack --ctstate UNTRACKED"),
        {FROM_RED: "timeout"},
    ),
    trap(
        "what leaves the port is tracked",
        NETWORK,
        dropped("OUTPUT", "-o p1 -m conntrack --ctstate UNTRACKED"),
        {FROM_RED: FROM_RED_SERVED},
    ),
    trap(
        "masquerade at the port",
        NETWORK,
        "r: $ iptables-legacy -t nat -A POSTROUTING -o p1 -j MASQUERADE",
        {TCP: "answer, b sees 10.2.0.1"},
    ),
    trap(
        "masquerade at the VRF",
        NETWORK,
        "r: $ iptables-legacy -t nat -A POSTROUTING -o red -j MASQUERADE",
        {TCP: SERVED},
    ),
    trap(
        "translated on the way in",
        NETWORK,
        "r: $ iptables-legacy -t nat -A PREROUTING -i p0 -d 10.96.0.1 -j DNAT --to 10.2.0.2",
        {"a tcp 10.96.0.1": SERVED},
    ),
    trap(
        "translated on the way in, by the VRF",
        NETWORK,
        "r: $ iptables-legacy -t nat -A PREROUTING -i red -d 10.96.0.1 -j DNAT --to 10.2.0.2",
        {"a tcp 10.96.0.1": "network is unreachable, icmp 3/0 from 10.1.0.1"},
    ),
    trap("strict reverse path filter", NETWORK, "r: sysctl net.ipv4.conf.all.rp_filter=1", {TCP: SERVED}),
    trap(
        "strict reverse path filter, the way back by another port",
        NETWORK,
        "r: sysctl net.ipv4.conf.all.rp_filter=1\nr: route add 10.1.0.2/32 via 10.2.0.2 dev p1 table 10\n"
        "a: neigh replace 10.1.0.1 lladdr 02:00:00:00:01:02 dev eth0 nud permanent",
        {TCP: "timeout"},
    ),
    trap(
        "a rule that names the VRF",
        NETWORK,
        "r: rule add iif red table 20 pref 10\nr: route add blackhole 10.2.0.0/24 table 20",
        {TCP: SERVED + " | unknown"},
    ),
    trap(
        "a rule that names the port",
        NETWORK,
        "r: rule add iif p0 table 20 pref 10\nr: route add blackhole 10.2.0.0/24 table 20",
        {TCP: "timeout"},
    ),
    trap(
        "IPv6",
        NETWORK6,
        "",
        {
            "a tcp fd02::2": "answer, b sees fd01::2",
            "r tcp fd02::2%red": "answer, b sees fd02::1",
            "a tcp [fd01::1]:81": "answer, r sees fd01::2",
            "a udp fd09::2": "timeout, icmp 1/0 from fd01::1",
        },
        ipv6=True,
    ),
)
CODES = {
    "its table ends look-ups": "route.unreachable",
    "without the rule l3mdev": "neighbour.unresolved",
    "a listener that is not bound": "socket.other-address",
    "a rule for the VRF at INPUT": "netfilter.drop",
    "a rule for the VRF at OUTPUT": "netfilter.drop",
    "strict reverse path filter, the way back by another port": "source.rp-filter",
    "a rule that names the port": "route.blackhole",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    modules = ("vrf", "iptable_filter", "iptable_raw", "iptable_nat", "xt_conntrack")
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), modules)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
