"""Security groups and routes against second, naive implementations, on random rules and packets."""

from ipaddress import ip_address, ip_network

from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_skoop.api import Packet, Protocol
from kubectl_skoop.providers.aliyun import route_table, security_group
from kubectl_skoop.providers.aliyun.route_table import NoRoute, VpcRoute
from kubectl_skoop.providers.aliyun.security_group import Denied, Peer, Permitted
from tests.providers.aliyun.vpc import group, healthy, hop, inventory, packet, rule

NETWORKS = ["0.0.0.0/0", "10.0.0.0/16", "10.0.2.0/24", "10.0.2.10/32", "192.0.2.0/24"]
FARS = ["10.0.2.10", "10.0.2.11", "10.0.9.9", "192.0.2.80", "203.0.113.7"]
PROTOCOLS = {"TCP": 6, "UDP": 17, "ICMP": 1}
PORTS = [1, 22, 80, 443, 65535]

ranges = st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(lambda pair: sorted(pair))
rules = st.builds(
    lambda far, protocol, ports, policy, priority, egress: rule(
        far,
        protocol,
        f"{ports[0]}/{ports[1]}" if protocol in ("TCP", "UDP") else "-1/-1",
        egress=egress,
        Policy=policy,
        Priority=str(priority),
    ),
    st.sampled_from([*NETWORKS, "sg-nodes", "sg-2"]),
    st.sampled_from(["ALL", *PROTOCOLS]),
    ranges,
    st.sampled_from(["Accept", "Drop"]),
    st.sampled_from([1, 2, 10, 100]),
    st.booleans(),
)
packets = st.builds(
    lambda far, protocol, port: packet(far, "10.0.1.10", port, protocol=protocol),
    st.sampled_from(FARS),
    st.sampled_from([Protocol.TCP, Protocol.UDP, Protocol.ICMP]),
    st.sampled_from(PORTS),
)


def naive(
    one: list[dict[str, str]], two: list[dict[str, str]], sent: Packet, peer: set[str], *, enterprise: bool
) -> bool:
    """From the last word to the first one: the default, then each priority's accepts and drops."""
    verdict = not enterprise and "sg-nodes" in peer
    for priority in range(100, 0, -1):
        for policy in ("Accept", "Drop"):
            for each in (*one, *two):
                here = each["Direction"] == "ingress" and int(each["Priority"]) == priority
                if not here or each["Policy"] != policy:
                    continue
                if each["IpProtocol"] not in ("ALL", {6: "TCP", 17: "UDP", 1: "ICMP"}[sent.protocol]):
                    continue
                low, high = map(int, each["PortRange"].split("/"))
                if low != -1 and not low <= sent.dport <= high:
                    continue
                network = each["SourceCidrIp"]
                if (network and sent.src in ip_network(network)) or each["SourceGroupId"] in peer:
                    verdict = policy == "Accept"
    return verdict


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.lists(rules, max_size=4), st.lists(rules, max_size=3), packets,
    st.sets(st.sampled_from(["sg-nodes", "sg-2"])), st.booleans(),
)  # fmt: skip
def test_the_smallest_priority_decides_and_what_drops_is_first(
    one: list[dict[str, str]], two: list[dict[str, str]], sent: Packet, groups: set[str], enterprise: bool
) -> None:
    found = healthy()
    found["groups"] = [group("sg-nodes", *one), group("sg-2", *two, inner="Drop")]
    kind = "enterprise" if enterprise else "normal"
    found["SecurityGroups"]["SecurityGroup"] = [
        {"SecurityGroupId": key, "SecurityGroupType": kind} for key in ("sg-nodes", "sg-2")
    ]
    peer = Peer(sent.src, frozenset(groups))
    answer = security_group.permits(inventory(found), ["sg-nodes", "sg-2"], "ingress", sent, peer)
    assert isinstance(answer, Permitted | Denied)
    assert isinstance(answer, Permitted) == naive(one, two, sent, groups, enterprise=enterprise)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(st.sampled_from(NETWORKS), st.integers(1, 9)), max_size=5, unique_by=lambda one: one[0]
    ),
    st.sampled_from(FARS),
)
def test_the_longest_prefix_decides(routes: list[tuple[str, int]], address: str) -> None:
    found = healthy()
    entries = [hop(network, "Instance", f"i-{number}") for network, number in routes]
    found["RouteEntrys"] = {"RouteEntry": [*entries, hop("172.16.0.0/12", "Instance", "i-0")]}
    answer = route_table.route_of(inventory(found), "vsw-a", ip_address(address))
    fitting = [one for one in routes if ip_address(address) in ip_network(one[0])]
    if not fitting:
        assert isinstance(answer, NoRoute)
    else:
        network, number = max(fitting, key=lambda one: ip_network(one[0]).prefixlen)
        assert isinstance(answer, VpcRoute)
        assert (answer.destination, answer.hop) == (network, f"i-{number}")
