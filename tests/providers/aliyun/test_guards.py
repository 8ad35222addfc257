"""What guards interfaces: each row changes one thing of a healthy VPC."""

import pytest

from tests.providers.aliyun.asking import (
    ANSWER,
    IN,
    OUT,
    POD_TO_POD,
    RESOLVER,
    TO_SECOND,
    between,
    eni,
    entering,
    enterprise,
    leaving,
    other_group,
    rules,
)
from tests.providers.aliyun.vpc import (
    CLIENT,
    FIRST,
    KNOWN,
    healthy,
    packet,
    rule,
)
from tests.providers.row import Row

ROWS = {
    "no ingress rule": Row(
        lambda found: entering(found, IN),
        rules,
        "aliyun.security-group.ingress",
        (
            "sg-nodes (nodes)) drop tcp 30080 from 203.0.113.7",
            "the rest is dropped",
            "accepts its own interfaces",
        ),
    ),
    "the ingress rule is for other ports": Row(
        lambda found: entering(found, packet(CLIENT, FIRST, 80)),
        lambda found: None,
        "aliyun.security-group.ingress",
        ("sg-nodes (nodes) ingress 1: accept tcp 30000/32767 from 0.0.0.0/0",),
    ),
    "a rule that drops has the same priority": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0"), rule("203.0.113.0/24", Policy="Drop")),
        "aliyun.security-group.ingress",
        ("sg-nodes (nodes) ingress 1: drop all from 203.0.113.0/24",),
    ),
    "priorities are numbers, not texts": Row(
        lambda found: entering(found, IN),
        lambda found: rules(
            found, rule("0.0.0.0/0", Priority="10"), rule("0.0.0.0/0", Policy="drop", Priority="2")
        ),
        "aliyun.security-group.ingress",
        ("ingress 2: drop all",),
    ),
    "a rule comes before the group's own interfaces": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: rules(found, rule("10.0.1.0/24", "TCP", "80/80", Policy="Drop", Priority="100")),
        "aliyun.security-group.ingress",
        ("ingress 100: drop tcp 80/80 from 10.0.1.0/24",),
    ),
    "both ends of a rule must fit": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", DestCidrIp="10.0.9.0/24")),
        "aliyun.security-group.ingress",
        ("accept all from 0.0.0.0/0 at 10.0.9.0/24",),
    ),
    "a source port that is another": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", "TCP", "30080/30080", SourcePortRange="1/1024")),
        "aliyun.security-group.ingress",
    ),
    "a rule of the classic network's outer side": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", NicType="internet")),
        "aliyun.security-group.ingress",
    ),
    "no group in common": Row(
        lambda found: between(found, TO_SECOND),
        other_group,
        "aliyun.security-group.ingress",
        ("eni-2 (sg-nodes (nodes)) drop tcp 80 from 10.0.1.10",),
    ),
    "the group isolates its interfaces": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: rules(found, inner="Drop"),
        "aliyun.security-group.ingress",
    ),
    "a group does not mean the pods behind its interfaces": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: rules(found, rule("sg-nodes")),
        "aliyun.security-group.ingress",
        ("from 10.244.1.2", "accept all from sg-nodes"),
    ),
    "an enterprise group does not know its own": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: enterprise(found, rule("0.0.0.0/0", egress=True)),
        "aliyun.security-group.ingress",
        ("an enterprise group drops the rest",),
    ),
    "an enterprise group lets nothing out": Row(
        lambda found: leaving(found, OUT),
        lambda found: enterprise(found, rule("0.0.0.0/0")),
        "aliyun.security-group.egress",
        ("drop tcp 443 to 192.0.2.80", "an enterprise group drops the rest"),
    ),
    "an egress rule drops": Row(
        lambda found: leaving(found, OUT),
        lambda found: rules(
            found, rule("192.0.2.0/24", "TCP", "1/65535", egress=True, Policy="Drop", Priority="7")
        ),
        "aliyun.security-group.egress",
        ("egress 7: drop tcp 1/65535 to 192.0.2.0/24",),
    ),
    "a prefix list without the sender": Row(
        lambda found: entering(found, IN),
        lambda found: (
            rules(found, rule("pl-1")),
            found.update(
                lists=[{"PrefixListId": "pl-1", "Entries": {"Entry": [{"Cidr": "198.51.100.0/24"}]}}]
            ),
        ),
        "aliyun.security-group.ingress",
        ("accept all from pl-1",),
    ),
    "a prefix list that was not collected": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("pl-1")),
        "aliyun.unknown",
        ("pl-1 is not known: no PrefixLists of Alibaba Cloud were collected",),
    ),
    "a list of ports": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", "TCP", "", PortRangeListId="prl-1")),
        "aliyun.unknown",
        ("the ports of the list prl-1 are not modelled",),
    ),
    "a group whose rules were not collected": Row(
        lambda found: entering(found, IN),
        lambda found: eni(found, 0).update(SecurityGroupIds={"SecurityGroupId": ["sg-nodes", "sg-gone"]}),
        "aliyun.unknown",
        ("sg-gone is not among the SecurityGroupRules",),
    ),
    "a priority that is none": Row(
        lambda found: entering(found, IN),
        lambda found: rules(found, rule("0.0.0.0/0", Priority="high")),
        "aliyun.unknown",
        ("an answer of Alibaba Cloud cannot be read",),
    ),
    "the cloud's own services and a group that lets nothing out": Row(
        lambda found: leaving(found, RESOLVER),
        enterprise,
        "aliyun.unknown",
        ("whether security groups are asked for the cloud's own 100.100.2.136",),
    ),
    "the source/destination check on the way out": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: eni(found, 0).update(SourceDestCheck=True),
        "aliyun.source-dest-check",
        ("the packet's source 10.244.1.2", "SourceDestCheck: true"),
    ),
    "the source/destination check on the way in": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: eni(found, 1).update(SourceDestCheck=True),
        "aliyun.source-dest-check",
        ("the packet's destination 10.244.2.2", "i-n2"),
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(row: Row) -> None:
    row.holds(healthy())


def test_a_known_connection_passes_the_groups_whatever_they_say_now() -> None:
    found = healthy()
    enterprise(found)
    assert between(found, ANSWER, KNOWN, "n2", "n1") == []


def test_a_rule_that_accepts_decides_before_what_is_unknown_and_comes_later() -> None:
    found = healthy()
    rules(found, rule("0.0.0.0/0"), rule("pl-1", Policy="Drop", Priority="2"))
    assert entering(found, IN) == []
    rules(found, rule("0.0.0.0/0"), rule("pl-1", Policy="Drop"))
    assert [one.effect for one in entering(found, IN)] == ["unknown"]


def test_a_rule_for_a_prefix_list_means_its_networks() -> None:
    found = healthy()
    rules(found, rule("pl-1"))
    found["lists"] = [{"PrefixListId": "pl-1", "Entries": {"Entry": [{"Cidr": "203.0.113.0/24"}]}}]
    assert entering(found, IN) == []


def test_a_rule_for_a_group_lets_its_interfaces_in() -> None:
    found = healthy()
    other_group(found)
    found["groups"][0]["Permissions"]["Permission"].append(rule("sg-other", "TCP", "80/80"))
    assert between(found, TO_SECOND) == []
