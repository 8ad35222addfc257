"""Security groups, ACLs and routes against second, naive implementations, on random rules and packets."""

from dataclasses import replace
from ipaddress import ip_address, ip_network
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_skoop.api import Packet, Protocol, Unknown
from kubectl_skoop.providers.aws import network_acl, route_table, security_group
from kubectl_skoop.providers.aws.network_acl import Decision
from kubectl_skoop.providers.aws.route_table import NoRoute, VpcRoute
from kubectl_skoop.providers.aws.security_group import Denied, Peer, Permitted
from tests.providers.aws.vpc import VPC, entry, healthy, inventory, packet, permission

CIDRS = ["0.0.0.0/0", "10.0.0.0/16", "10.0.2.0/24", "10.0.2.10/32", "192.0.2.0/24"]
PORTS = [0, 22, 80, 443, 1023, 1024, 32767, 32768, 40000, 49152, 60999, 61000, 65535]
PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1, "-1": -1}

ranges = st.tuples(st.sampled_from(PORTS), st.sampled_from(PORTS)).map(lambda pair: (min(pair), max(pair)))
packets = st.builds(
    lambda far, protocol, port, kind: packet(far, "10.0.1.10", port, protocol=protocol, icmp_type=kind),
    st.sampled_from(["10.0.2.10", "10.0.2.11", "10.0.9.9", "192.0.2.80", "203.0.113.7"]),
    st.sampled_from([Protocol.TCP, Protocol.UDP, Protocol.ICMP, 132]),
    st.sampled_from(PORTS),
    st.sampled_from([0, 3, 8]),
)
permissions = st.builds(
    lambda protocol, ports, cidrs, groups: permission(
        protocol, *((8, -1) if protocol == "icmp" else ports), cidrs=cidrs, groups=groups
    ),
    st.sampled_from(sorted(PROTOCOLS)),
    ranges,
    st.lists(st.sampled_from(CIDRS), max_size=2),
    st.lists(st.sampled_from(["sg-nodes", "sg-2"]), max_size=1),
)
entries = st.lists(
    st.builds(
        lambda number, action, protocol, ports, cidr, egress: entry(
            number, action, protocol, ports if protocol in ("6", "17") else None, cidr=cidr, egress=egress
        ),
        st.integers(1, 200),
        st.sampled_from(["allow", "deny"]),
        st.sampled_from(["-1", "6", "17", "1"]),
        ranges,
        st.sampled_from(CIDRS),
        st.booleans(),
    ),
    max_size=6,
    unique_by=lambda one: (one["RuleNumber"], one["Egress"]),
)


def naive_group(rules: list[dict[str, Any]], sent: Packet, groups: set[str]) -> bool:
    for rule in rules:
        number = PROTOCOLS[rule["IpProtocol"]]
        if number not in (-1, sent.protocol):
            continue
        if number in (6, 17) and sent.dport not in range(rule["FromPort"], rule["ToPort"] + 1):
            continue
        if number == 1 and rule["FromPort"] not in (-1, sent.icmp_type):
            continue
        if any(sent.src in ip_network(one["CidrIp"]) for one in rule["IpRanges"]):
            return True
        if groups & {one["GroupId"] for one in rule["UserIdGroupPairs"]}:
            return True
    return False


@settings(max_examples=300)
@given(
    st.lists(permissions, max_size=4), st.lists(permissions, max_size=2), packets,
    st.sets(st.sampled_from(["sg-nodes", "sg-2"])),
)  # fmt: skip
def test_groups_add_up_and_any_rule_permits(
    first: list[dict[str, Any]], second: list[dict[str, Any]], sent: Packet, groups: set[str]
) -> None:
    found = healthy()
    found["SecurityGroups"][0]["IpPermissions"] = first
    found["SecurityGroups"].append(
        {"GroupId": "sg-2", "GroupName": "b", "VpcId": VPC, "IpPermissions": second}
    )
    peer = Peer(sent.src, frozenset(groups))
    answer = security_group.permits(inventory(found), ["sg-nodes", "sg-2"], "ingress", sent, peer)
    assert isinstance(answer, Permitted | Denied)
    assert isinstance(answer, Permitted) == naive_group([*first, *second], sent, groups)


def naive_acl(rules: list[dict[str, Any]], sent: Packet, *, egress: bool) -> bool:
    verdict = False
    for rule in sorted(rules, key=lambda one: -one["RuleNumber"]):
        if rule["Egress"] is not egress:
            continue
        far = sent.dst if egress else sent.src
        ports = rule.get("PortRange", {"From": 0, "To": 65535})
        fits = far in ip_network(rule["CidrBlock"]) and rule["Protocol"] in ("-1", str(int(sent.protocol)))
        if rule["Protocol"] in ("6", "17"):
            fits = fits and ports["From"] <= sent.dport <= ports["To"]
        if fits:
            verdict = rule["RuleAction"] == "allow"
    return verdict


@settings(max_examples=300)
@given(entries, packets, st.booleans())
def test_the_lowest_number_that_fits_decides(rules: list[dict[str, Any]], sent: Packet, egress: bool) -> None:
    found = healthy()
    found["NetworkAcls"][0]["Entries"] = rules
    sent = replace(sent, src=sent.dst, dst=sent.src) if egress else sent
    answer = network_acl.decide(inventory(found), "subnet-a", "egress" if egress else "ingress", sent)
    assert isinstance(answer, Decision)
    assert answer.allows == naive_acl(rules, sent, egress=egress)


@settings(max_examples=100)
@given(entries, st.sampled_from([Protocol.TCP, Protocol.UDP]))
def test_the_share_of_a_clients_ports_is_what_counting_gives(
    rules: list[dict[str, Any]], protocol: int
) -> None:
    found = healthy()
    found["NetworkAcls"][0]["Entries"] = rules
    sent = packet("192.0.2.80", "10.0.1.10", 40000, protocol=protocol)
    low, high = network_acl.EPHEMERAL
    # Each rule begins and ends at one of PORTS, so two ports for each stand for all between them.
    cuts = sorted(
        {
            low,
            high + 1,
            *(port for port in PORTS if low < port <= high),
            *(port + 1 for port in PORTS if low <= port < high),
        }
    )
    counted = sum(
        end - begin
        for begin, end in pairwise(cuts)
        if naive_acl(rules, replace(sent, dport=begin), egress=False)
    )
    share = network_acl.ephemeral_share(inventory(found), "subnet-a", "ingress", sent)
    assert (share[0] if share else None) == (None if counted in (0, high - low + 1) else counted)


@settings(max_examples=200)
@given(
    st.lists(st.tuples(st.sampled_from(CIDRS), st.integers(1, 9)), max_size=5, unique_by=lambda one: one[0]),
    st.sampled_from(["10.0.2.10", "10.0.2.11", "10.0.9.9", "192.0.2.80", "203.0.113.7"]),
)
def test_the_longest_prefix_decides(routes: list[tuple[str, int]], address: str) -> None:
    found = healthy()
    found["RouteTables"][0]["Routes"] = [
        {"DestinationCidrBlock": cidr, "NetworkInterfaceId": f"eni-{number}", "State": "active"}
        for cidr, number in routes
    ]
    answer = route_table.route_of(inventory(found), "subnet-a", VPC, ip_address(address))
    fitting = [one for one in routes if ip_address(address) in ip_network(one[0])]
    if not fitting:
        assert isinstance(answer, NoRoute)
    else:
        cidr, number = max(fitting, key=lambda one: ip_network(one[0]).prefixlen)
        assert isinstance(answer, VpcRoute)
        assert (answer.destination, answer.target) == (cidr, f"eni-{number}")


@pytest.mark.parametrize(
    ("own", "known", "expected"),
    [
        (["203.0.113.0/24"], False, Permitted),
        (["198.51.100.0/24"], False, Unknown),
        (["198.51.100.0/24"], True, Denied),
    ],
    ids=["a rule that is known permits", "only the unknown one might", "both are known, neither does"],
)
def test_what_is_unknown_decides_only_where_nothing_known_permits(
    own: list[str], known: bool, expected: type
) -> None:
    found = healthy()
    found["SecurityGroups"][0]["IpPermissions"] = [permission(lists=["pl-1"]), permission(cidrs=own)]
    if known:
        found["PrefixLists"] = [{"PrefixListId": "pl-1", "Entries": [{"Cidr": "192.0.2.0/24"}]}]
    sent = packet("203.0.113.7", "10.0.1.10")
    peer = Peer(sent.src, frozenset())
    answer = security_group.permits(inventory(found), ["sg-nodes"], "ingress", sent, peer)
    assert isinstance(answer, expected)
