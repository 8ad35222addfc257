"""What guards interfaces and subnets: each row changes one thing of a healthy VPC."""

import pytest

from kubectl_skoop.api import Tracked
from tests.providers.aws.asking import (
    ANSWER,
    IN,
    INGRESS_SHUT,
    OUT,
    OUT_BY_NAT,
    POD_TO_POD,
    TO_SECOND,
    _untie_group,
    acl,
    add,
    between,
    entering,
    group,
    leaving,
    route,
)
from tests.providers.aws.vpc import (
    CLIENT,
    FAR,
    FIRST,
    KNOWN,
    VPC,
    entry,
    healthy,
    packet,
    permission,
)
from tests.providers.row import Row

ROWS = {
    "no ingress rule": Row(
        lambda found: entering(found, IN),
        lambda found: group(found).update(IpPermissions=[*INGRESS_SHUT]),
        "aws.security-group.ingress",
        ("tcp 30080 from 203.0.113.7", "sg-nodes (nodes) ingress: all from sg-nodes (nodes)"),
    ),
    "the ingress rule is for other ports": Row(
        lambda found: entering(found, packet(CLIENT, FIRST, 29999)),
        lambda found: None,
        "aws.security-group.ingress",
        ("sg-nodes (nodes) ingress: tcp 30000-32767 from 0.0.0.0/0",),
    ),
    "the sender is not of the group that the rule refers to": Row(
        lambda found: between(found, TO_SECOND),
        _untie_group,
        "aws.security-group.ingress",
        ("tcp 80 from 10.0.1.10",),
    ),
    "a reference to a group does not mean the pods behind its interfaces": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: (
            [one.update(SourceDestCheck=False) for one in found["NetworkInterfaces"]],
            route(found, DestinationCidrBlock="10.244.2.0/24", NetworkInterfaceId="eni-2"),
        ),
        "aws.security-group.ingress",
        ("from 10.244.1.2",),
    ),
    "no egress rule": Row(
        lambda found: leaving(found, OUT),
        lambda found: group(found).update(
            IpPermissionsEgress=[permission("tcp", 80, 80, cidrs=["0.0.0.0/0"])]
        ),
        "aws.security-group.egress",
        ("tcp 443 to 192.0.2.80", "sg-nodes (nodes) egress: tcp 80 to 0.0.0.0/0"),
    ),
    "a rule refers to a group that is deleted": Row(
        lambda found: entering(found, IN),
        lambda found: group(found).update(IpPermissions=[permission(groups=["sg-gone"])]),
        "aws.security-group.ingress",
        ("all from sg-gone (not among the groups: deleted, or of another account or region)",),
    ),
    "the interface has a group that is deleted": Row(
        lambda found: entering(found, IN),
        lambda found: found["NetworkInterfaces"][0].update(Groups=[{"GroupId": "sg-gone"}]),
        "aws.unknown",
        ("sg-gone is not among the SecurityGroups",),
    ),
    "a rule has a prefix list that was not collected": Row(
        lambda found: entering(found, IN),
        lambda found: group(found).update(IpPermissions=[permission(lists=["pl-1"])]),
        "aws.unknown",
        ("pl-1 is not among the PrefixLists",),
    ),
    "a prefix list without the sender": Row(
        lambda found: entering(found, IN),
        lambda found: (
            group(found).update(IpPermissions=[permission(lists=["pl-1"])]),
            add(found, "PrefixLists", {"PrefixListId": "pl-1", "Cidrs": ["198.51.100.0/24"]}),
        ),
        "aws.security-group.ingress",
        ("sg-nodes (nodes) ingress: all from pl-1",),
    ),
    "the ACL denies on the way out": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: acl(
            found, entry(90, "deny", "6", (80, 80), egress=True), entry(100, "allow", egress=True)
        ),
        "aws.network-acl.egress",
        (
            "acl-1 (all) of subnet-a denies tcp 80 to 10.0.2.10",
            "acl-1 (all) egress 90: deny tcp 80 to 0.0.0.0/0",
        ),
    ),
    "the ACL denies on the way in": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: acl(found, entry(100, "allow", egress=True)),
        "aws.network-acl.ingress",
        ("of subnet-b denies", "ingress *: deny all from 0.0.0.0/0"),
    ),
    "the ACL denies the answer": Row(
        lambda found: entering(found, packet(FAR, FIRST, 40000, sport=443), Tracked(destination=True)),
        lambda found: acl(found, entry(100, "allow", "6", (443, 443))),
        "aws.network-acl.ingress",
        ("tcp 40000 from 192.0.2.80 (an answer: network ACLs are stateless)",),
    ),
    "the ACL lets some answers back": Row(
        lambda found: entering(found, packet(FAR, FIRST, 50000, sport=443), Tracked(destination=True)),
        lambda found: acl(found, entry(100, "allow", "6", (49152, 65535))),
        "aws.network-acl.ephemeral",
        ("lets answers back to 49152-60999 only", "41 %"),
    ),
    "the ACL is of another subnet": Row(
        lambda found: between(found, TO_SECOND),
        lambda found: found["NetworkAcls"][0].update(Associations=[{"SubnetId": "subnet-a"}]),
        "aws.unknown",
        ("the network ACL of subnet-b is not known: none is associated",),
    ),
    "a pod's packet at an interface with the check": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: None,
        "aws.source-dest-check",
        ("the packet's source 10.244.1.2", "SourceDestCheck: true"),
    ),
    "a pod's packet to an interface with the check": Row(
        lambda found: between(found, POD_TO_POD),
        lambda found: (
            found["NetworkInterfaces"][0].update(SourceDestCheck=False),
            group(found).update(IpPermissions=[permission(cidrs=["0.0.0.0/0"])]),
            route(found, DestinationCidrBlock="10.244.2.0/24", InstanceId="i-n2"),
        ),
        "aws.source-dest-check",
        ("the packet's destination 10.244.2.2", "i-n2"),
    ),
    "the ACL of the NAT gateway's subnet lets nothing out": Row(
        lambda found: leaving(found, OUT_BY_NAT, src="n3"),
        lambda found: (
            found["NetworkAcls"][0].update(Associations=[{"SubnetId": "subnet-c"}]),
            add(
                found,
                "NetworkAcls",
                {
                    "NetworkAclId": "acl-2",
                    "VpcId": VPC,
                    "Associations": [{"SubnetId": "subnet-a"}],
                    "Entries": [entry(1, "allow"), entry(1, "allow", cidr="10.0.0.0/16", egress=True)],
                },
            ),
        ),
        "aws.network-acl.egress",
        ("the network ACL acl-2 of subnet-a denies tcp 443 to 192.0.2.80",),
    ),
}


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(row: Row) -> None:
    row.holds(healthy())


def test_an_established_connection_passes_the_groups_and_not_the_acl() -> None:
    found = healthy()
    group(found).update(IpPermissions=[], IpPermissionsEgress=[])
    assert between(found, ANSWER, KNOWN, "n2", "n1") == []
    acl(found)
    (finding,) = between(found, ANSWER, KNOWN, "n2", "n1")
    assert finding.code == "aws.network-acl.egress"


def test_inside_a_subnet_no_acl_is_asked() -> None:
    found = healthy()
    found["NetworkInterfaces"][1]["SubnetId"] = "subnet-a"
    acl(found)
    assert between(found, TO_SECOND) == []
