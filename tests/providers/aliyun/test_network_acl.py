"""Network ACLs of vSwitches: each row gives the second vSwitch one, with its own rules."""

from collections.abc import Callable
from typing import Any

import pytest

from kubectl_skoop.api import Protocol
from tests.providers.aliyun.asking import ANSWER, TO_SECOND, between, entering, leaving
from tests.providers.aliyun.vpc import CLIENT, FAR, FIRST, KNOWN, SECOND, Answers, healthy, packet
from tests.providers.row import Row

ACL = "nacl-1"
Rule = dict[str, str]


def entry(policy: str, far: str, protocol: str = "all", port: str = "-1/-1", **more: str) -> Rule:
    """As DescribeNetworkAclAttributes answers; `far`: with a `>` before it for what goes out."""
    egress = far.startswith(">")
    return {
        "NetworkAclEntryName": "",
        "EntryType": "custom",
        "IpVersion": "IPv4",
        "Policy": policy,
        "Protocol": protocol,
        "Port": port,
        ("DestinationCidrIp" if egress else "SourceCidrIp"): far.removeprefix(">"),
        **more,
    }


def acl(*rules: Rule) -> Callable[[Answers], object]:
    """Of the second vSwitch."""

    def change(found: Answers) -> None:
        found["VSwitches"]["VSwitch"][1].update(NetworkAclId=ACL)
        found["NetworkAclAttribute"] = {
            "NetworkAclId": ACL,
            "NetworkAclName": "inner",
            "VpcId": "vpc-1",
            "IngressAclEntries": {"IngressAclEntry": [one for one in rules if "SourceCidrIp" in one]},
            "EgressAclEntries": {"EgressAclEntry": [one for one in rules if "DestinationCidrIp" in one]},
            "Resources": {"Resource": [{"ResourceId": "vsw-b", "ResourceType": "VSwitch"}]},
        }

    return change


ALL_IN, ALL_OUT = entry("accept", "0.0.0.0/0"), entry("accept", ">0.0.0.0/0")
DROPPED_IN, DROPPED_OUT = "aliyun.network-acl.ingress", "aliyun.network-acl.egress"
IPIP = packet(FIRST, SECOND, 0, protocol=Protocol.IPIP, sport=0)


def without_entries(found: Answers) -> None:
    acl(ALL_IN)(found)
    del found["NetworkAclAttribute"]["IngressAclEntries"]


ROWS = {
    "a rule drops what comes in": Row(
        lambda found: between(found, TO_SECOND),
        acl(entry("drop", "10.0.1.0/24", "tcp", "80/80", NetworkAclEntryName="no web"), ALL_IN, ALL_OUT),
        DROPPED_IN,
        (
            "the network ACL nacl-1 (inner) of vsw-b drops tcp 80 from 10.0.1.10",
            "ingress 1: drop tcp 80/80 from 10.0.1.0/24 (no web)",
        ),
    ),
    "the first rule that fits decides": Row(
        lambda found: between(found, TO_SECOND),
        acl(entry("accept", "10.0.9.0/24"), entry("drop", "10.0.0.0/8"), ALL_IN),
        DROPPED_IN,
        ("ingress 2: drop all from 10.0.0.0/8",),
    ),
    "an answer to a port that the client picked": Row(
        lambda found: between(found, ANSWER, KNOWN, "n2", "n1"),
        acl(ALL_IN, entry("accept", ">10.0.0.0/8", "tcp", "80/80"), entry("drop", ">0.0.0.0/0")),
        DROPPED_OUT,
        ("drops tcp 40000 to 10.0.1.10 (an answer: network ACLs are stateless)", "egress 2: drop all"),
    ),
    "what leaves the VPC": Row(
        lambda found: leaving(found, packet(SECOND, FAR, 443), src="n2"),
        acl(ALL_IN, entry("drop", ">192.0.2.0/24"), ALL_OUT),
        DROPPED_OUT,
        ("drops tcp 443 to 192.0.2.80",),
    ),
    "what comes from the internet": Row(
        lambda found: entering(found, packet(CLIENT, SECOND, 30080), dst="n2"),
        acl(entry("drop", "203.0.113.0/24"), ALL_IN, ALL_OUT),
        DROPPED_IN,
        ("drops tcp 30080 from 203.0.113.7",),
    ),
    "a tunnel of protocol 4": Row(
        lambda found: between(found, IPIP),
        acl(
            entry("accept", "10.0.0.0/8", "tcp"),
            entry("accept", "10.0.0.0/8", "udp"),
            entry("drop", "0.0.0.0/0"),
        ),
        DROPPED_IN,
        ("drops protocol 4 from 10.0.1.10",),
    ),
    "the cloud's own rules come behind": Row(
        lambda found: between(found, TO_SECOND),
        acl(entry("drop", "0.0.0.0/0", EntryType="system"), entry("accept", "10.0.9.0/24")),
        DROPPED_IN,
        ("ingress 2: drop all from 0.0.0.0/0",),
    ),
    "no rule fits": Row(
        lambda found: between(found, TO_SECOND),
        acl(entry("accept", "10.0.9.0/24"), ALL_OUT),
        "aliyun.unknown",
        ("no ingress rule of nacl-1 (inner) fits, and what becomes of the rest is not documented",),
    ),
    "its rules were not collected": Row(
        lambda found: between(found, TO_SECOND),
        without_entries,
        "aliyun.unknown",
        ("the ingress rules of nacl-1 (inner) were not collected",),
    ),
    "it was not collected": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: found["VSwitches"]["VSwitch"][1].update(NetworkAclId=ACL),
        "aliyun.unknown",
        ("the network ACL of vsw-b: nacl-1 is not known: no NetworkAcls of Alibaba Cloud were collected",),
    ),
    "a policy that is none": Row(
        lambda found: between(found, TO_SECOND),
        acl(entry("maybe", "0.0.0.0/0")),
        "aliyun.unknown",
        ("an answer of Alibaba Cloud cannot be read: a network ACL's policy is maybe",),
    ),
    "a protocol that is none": Row(
        lambda found: between(found, TO_SECOND),
        acl(entry("accept", "0.0.0.0/0", "sctpx")),
        "aliyun.unknown",
        ("a network ACL's protocol is sctpx",),
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_one_rule_is_wrong(row: Row) -> None:
    row.holds(healthy())


PASSES: dict[str, tuple[Any, Callable[[Answers], object]]] = {
    "all is accepted": (TO_SECOND, acl(ALL_IN, ALL_OUT)),
    "the port": (TO_SECOND, acl(entry("accept", "10.0.1.0/24", "tcp", "1/80"), entry("drop", "0.0.0.0/0"))),
    "a rule for IPv6 does not fit": (TO_SECOND, acl(entry("drop", "::/0", IpVersion="IPv6"), ALL_IN)),
    "protocol 4 is in all": (IPIP, acl(entry("drop", "0.0.0.0/0", "tcp"), entry("accept", "10.0.1.0/24"))),
    "gre": (
        packet(FIRST, SECOND, 0, protocol=Protocol.GRE, sport=0),
        acl(entry("accept", "10.0.1.0/24", "gre"), entry("drop", "0.0.0.0/0")),
    ),
}


@pytest.mark.parametrize(("sent", "change"), PASSES.values(), ids=PASSES)
def test_what_the_rules_accept_passes(sent: Any, change: Callable[[Answers], object]) -> None:
    found = healthy()
    change(found)
    assert between(found, sent) == []


def test_the_list_of_all_acls_has_their_rules_too() -> None:
    """DescribeNetworkAcls."""
    found = healthy()
    acl(entry("drop", "10.0.1.0/24"), ALL_IN)(found)
    found["NetworkAcls"] = {"NetworkAcl": [found.pop("NetworkAclAttribute")]}
    assert [one.code for one in between(found, TO_SECOND)] == [DROPPED_IN]


def test_inside_of_a_vswitch_nothing_is_asked() -> None:
    found = healthy()
    acl(entry("drop", "0.0.0.0/0"), entry("drop", ">0.0.0.0/0"))(found)
    found["NetworkInterfaceSets"]["NetworkInterfaceSet"][0]["VSwitchId"] = "vsw-b"
    found["RouteEntrys"]["RouteEntry"][0]["DestinationCidrBlock"] = "10.0.0.0/22"
    assert between(found, TO_SECOND) == []
