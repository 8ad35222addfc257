"""IPv6 neighbour discovery across a bridge (K-24, K-85)."""

import pytest

from kubectl_skoop.testing.trap import Trap, differences, trap
from kubectl_skoop.testing.trap_networks import BRIDGED6, awaited

pytestmark = pytest.mark.kernel

LOST = "no route to host"
NS, NA = "-p icmpv6 --icmpv6-type neighbour-solicitation", "-p icmpv6 --icmpv6-type neighbour-advertisement"
BR, BRU = "a tcp [fd01::3]:80", "a udp [fd01::3]:53"
QUERIER = (
    "r: link set br0 type bridge mcast_query_response_interval 0\nr: link set br0 type bridge mcast_querier 1"
)
CALLS = "r: sysctl net.bridge.bridge-nf-call-ip6tables=1\n"


def rule(host: str, text: str) -> str:
    return f"{host}: $ ip6tables-nft {text}"


BRIDGES = {
    "across a bridge": (
        "",
        {BR: "answer, b sees fd01::2", BRU: "answer, b sees fd01::2", "a icmp [fd01::4]": "answer"},
    ),
    "to the bridge's own address": ("", {"a tcp [fd01::1]:80": "answer, r sees fd01::2"}),
    "from the bridge": ("", {"r icmp [fd01::3]": "answer"}),
    "nobody on the bridge has it": ("", {"a tcp [fd01::99]:80": LOST}),
    "the answerer is down": ("b: link set eth0 down", {BR: LOST}),
    "the port is down": ("r: link set pb down", {BR: LOST}),
    "the port gets no multicasts (K-85)": (
        "r: $ bridge link set dev pb mcast_flood off",
        {BR: LOST, "a icmp [fd01::4]": "answer"},
    ),
    "the port gets no multicasts, but the bridge's own": (
        "r: $ bridge link set dev pb mcast_flood off",
        {"r icmp [fd01::3]": "answer"},
    ),
    "the port gets no broadcasts, which are ARP's (K-85)": (
        "r: $ bridge link set dev pb bcast_flood off",
        {BR: "answer, b sees fd01::2"},
    ),
    "the port gets no unknown unicasts": (
        "r: $ bridge link set dev pb flood off",
        {BR: "answer, b sees fd01::2"},
    ),
    "the port neither learns nor is flooded to (K-37)": (
        "r: $ bridge link set dev pa learning off flood off\n"
        "r: $ bridge fdb del 02:00:00:00:01:01 dev pa master || true",
        {BR: LOST},
    ),
    "isolated from each other": (
        "r: $ bridge link set dev pa isolated on; bridge link set dev pb isolated on",
        {BR: LOST, "a icmp [fd01::4]": "answer"},
    ),
    "without snooping": ("r: link set br0 type bridge mcast_snooping 0", {BR: "answer, b sees fd01::2"}),
    "snooping with a querier, and the port has joined (K-85)": (
        f"{QUERIER}\nb: addr add fd01::7/64 dev eth0 nodad\n"
        f"{awaited('r', 'bridge mdb show dev br0 | grep pb | grep -q ff02::1:ff00:7')}",
        {"a icmp [fd01::7]": "answer"},
    ),
    "snooping with a querier, and no report was heard (K-85)": (
        f"{QUERIER}\nb: $ ip6tables-nft -A OUTPUT -p icmpv6 --icmpv6-type 143 -j DROP\n"
        "b: $ ip6tables-nft -A OUTPUT -p icmpv6 --icmpv6-type 131 -j DROP\n"
        "b: addr add fd01::7/64 dev eth0 nodad\nr: $ sleep 0.1",
        {"a icmp [fd01::7]": "no route to host | unknown"},
    ),
    "no report was heard, but there is no querier (K-85)": (
        "b: $ ip6tables-nft -A OUTPUT -p icmpv6 --icmpv6-type 143 -j DROP\n"
        "b: $ ip6tables-nft -A OUTPUT -p icmpv6 --icmpv6-type 131 -j DROP\n"
        "b: addr add fd01::7/64 dev eth0 nodad",
        {"a icmp [fd01::7]": "answer"},
    ),
    "neigh_suppress, but nobody is known": (
        "r: $ bridge link set dev pb neigh_suppress on",
        {BR: "answer, b sees fd01::2"},
    ),
    "neigh_suppress, and the neighbour is known": (
        "r: $ bridge link set dev pb neigh_suppress on\n"
        "r: neigh add fd01::3 lladdr 02:00:00:00:02:01 dev br0 nud permanent",
        {BR: "answer, b sees fd01::2"},
    ),
    "br_netfilter without rules": (CALLS, {BR: "answer, b sees fd01::2"}),
    "br_netfilter: solicitations are dropped (K-24)": (
        CALLS + rule("r", f"-A FORWARD {NS} -j DROP"),
        {BR: LOST},
    ),
    "br_netfilter: advertisements are dropped (K-24)": (
        CALLS + rule("r", f"-A FORWARD {NA} -j DROP"),
        {BR: LOST},
    ),
    "the same rule without br_netfilter": (
        rule("r", f"-A FORWARD {NS} -j DROP"),
        {BR: "answer, b sees fd01::2"},
    ),
    "br_netfilter: a closed FORWARD that knows connections and TCP": (
        CALLS
        + rule("r", "-P FORWARD DROP")
        + "\n"
        + rule("r", "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
        + "\n"
        + rule("r", "-A FORWARD -p tcp --dport 80 -j ACCEPT"),
        {BR: LOST},
    ),
    "br_netfilter: a closed FORWARD that knows ICMPv6, too": (
        CALLS
        + rule("r", "-P FORWARD DROP")
        + "\n"
        + rule("r", "-A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT")
        + "\n"
        + rule("r", "-A FORWARD -p icmpv6 -j ACCEPT")
        + "\n"
        + rule("r", "-A FORWARD -p tcp --dport 80 -j ACCEPT"),
        {BR: "answer, b sees fd01::2"},
    ),
    "br_netfilter: solicitations dropped towards the bridge itself only": (
        CALLS + rule("r", f"-A INPUT {NS} -j DROP"),
        {BR: "answer, b sees fd01::2", "a icmp [fd01::1]": LOST},
    ),
    "two have the address": (
        "c: addr add fd01::3/64 dev eth0 nodad",
        {"a icmp [fd01::3]": "answer"},
    ),
}
TRAPS = [trap(title, BRIDGED6, condition, flows, ipv6=True) for title, (condition, flows) in BRIDGES.items()]


@pytest.mark.parametrize("tested", TRAPS, ids=lambda tested: tested.title)
def test_the_walk_does_what_the_kernel_does(tested: Trap) -> None:
    found = differences(tested)
    assert not found, "\n".join(found)
