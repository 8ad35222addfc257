"""IPv6 hosts on a bridge and behind its router, in random conditions: the walk says what the kernel does."""

from random import Random

import pytest

from kubectl_skoop.testing.trap import compare
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

LABS = 12 * VOLUME
NETWORK = """
wire a:eth0 r:pa
wire b:eth0 r:pb
wire c:eth0 r:pc
wire d:eth0 r:p1
r: link add br0 address 02:00:00:00:00:aa type bridge
r: link set pa master br0
r: link set pb master br0
r: link set pc master br0
r: addr add fd01::1/64 dev br0 nodad
r: link set br0 up
r: addr add fd02::1/64 dev p1 nodad
r: sysctl net.ipv6.conf.all.forwarding=1
r: sysctl net.bridge.bridge-nf-call-ip6tables=0
a: addr add fd01::2/64 dev eth0 nodad
b: addr add fd01::3/64 dev eth0 nodad
c: addr add fd01::4/64 dev eth0 nodad
d: addr add fd02::2/64 dev eth0 nodad
a: route add default via fd01::1
b: route add default via fd01::1
c: route add default via fd01::1
d: route add default via fd02::1
"""
HOSTS = {"a": "fd01::2", "b": "fd01::3", "c": "fd01::4", "d": "fd02::2", "r": "fd01::1"}
DEVICE = {"a": "eth0", "b": "eth0", "c": "eth0", "d": "eth0", "r": "br0"}
MACS = (
    "02:00:00:00:01:01",
    "02:00:00:00:02:01",
    "02:00:00:00:03:01",
    "02:00:00:00:04:01",
    "02:00:00:00:00:aa",
)
CHAINS = ("INPUT", "OUTPUT", "FORWARD")
MATCHES = (
    "-p icmpv6 --icmpv6-type 135",
    "-p icmpv6 --icmpv6-type 136",
    "-p icmpv6 --icmpv6-type 128",
    "-m conntrack --ctstate UNTRACKED",
    "-m conntrack --ctstate NEW",
    "-m conntrack --ctstate INVALID",
    "-d ff00::/8",
    "-s fe80::/10",
    "-m pkttype --pkt-type multicast",
    "-m hl --hl-eq 255",
    "-s fd01::/64 -p icmpv6",
)


def condition(random: Random) -> str:
    """Lines for a trap lab; what an earlier line makes impossible is left out."""
    return "\n".join(_line(random) for _ in range(random.randint(1, 4)))


def _line(random: Random) -> str:
    host = random.choice(list(HOSTS))
    device, other = DEVICE[host], random.choice(list(HOSTS))
    match random.randrange(12):
        case 0 | 1 | 2:
            tool = random.choice(("ip6tables-nft", "ip6tables-legacy"))
            verdict = random.choice(("DROP", "DROP", "ACCEPT", "REJECT"))
            chain, match = random.choice(CHAINS), random.choice(MATCHES)
            return f"{host}: $ {tool} -{random.choice('AI')} {chain} {match} -j {verdict}"
        case 3:
            return "r: sysctl net.bridge.bridge-nf-call-ip6tables=1"
        case 4:
            state = random.choice(("stale", "permanent", "noarp", "reachable"))
            mac = random.choice(MACS)
            return f"{host}: $ ip neigh replace {HOSTS[other]} lladdr {mac} dev {device} nud {state} || true"
        case 5:
            setting = random.choice(("mcast_flood off", "bcast_flood off", "flood off", "isolated on"))
            return f"r: $ bridge link set dev {random.choice(('pa', 'pb', 'pc'))} {setting}"
        case 6:
            return f"{host}: sysctl net.ipv6.conf.{device}.proxy_ndp=1"
        case 7:
            return f"{host}: $ ip neigh add proxy {HOSTS[other]} dev {device} || true"
        case 8:
            setting = random.choice(("disable_ipv6=1", "forwarding=0", "forwarding=1", "hop_limit=2"))
            return f"{host}: sysctl net.ipv6.conf.{device}.{setting}"
        case 9:
            return f"{host}: $ ip addr flush dev {device} scope link"
        case 10:
            return f"{host}: $ ip addr replace {HOSTS[other]}/128 dev lo nodad"
        case _:
            return f"{host}: link set {device} arp off"


def flow(random: Random) -> str:
    source, target = random.sample(list(HOSTS), 2)
    address = random.choice((HOSTS[target], HOSTS[target], HOSTS[target], "fd01::99", "fd01::", "fd02::1"))
    return f"{source} icmp [{address}]"


@pytest.mark.parametrize("seed", range(2))
def test_random_conditions(seed: int) -> None:
    random = Random(seed)
    certain = 0
    for _ in range(LABS):
        setting, asked = condition(random), flow(random)
        found = compare(NETWORK, setting, asked, ipv6=True)
        assert found.agrees, f"{setting}\n{asked}: the kernel says {found.told}, the walk {found.walked}"
        certain += not found.unknown
    assert certain >= LABS // 2


def test_an_anycast_address_answers_by_the_device_where_it_was_asked() -> None:
    """Though the router has the sender's address, too."""
    found = compare(NETWORK, "r: addr add fd01::3/128 dev lo nodad", "b icmp [fd01::]", ipv6=True)
    assert (found.told, found.walked) == ("answer", ["answer"])
