"""Load balancers: where connections go on, by which address, and what guards the way."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.api import Balanced, Suspicion, Tracked, Unknown
from tests.providers.aws.vpc import (
    CLIENT,
    FIRST,
    SECOND,
    VPC,
    Answers,
    entry,
    healthy,
    interface,
    node,
    packet,
    permission,
    shim,
)

ARN = "arn:aws:elasticloadbalancing:eu-west-1:123456789012"
LB, LISTENER = f"{ARN}:loadbalancer/net/web/50dc6c49", f"{ARN}:listener/net/web/50dc6c49/f2f7dc8e"
GROUP, GROUP_2 = f"{ARN}:targetgroup/nodes/73e2d6bc", f"{ARN}:targetgroup/other/943f017f"
PUBLIC_LB, PRIVATE_LB = "198.51.100.80", "10.0.1.200"
NAME = "web-50dc6c49.elb.eu-west-1.amazonaws.com"
ASK = packet(CLIENT, PUBLIC_LB, 80, dst_mac="")


def target(key: str, port: int = 30080, state: str = "healthy") -> dict[str, Any]:
    return {
        "Target": {"Id": key, "Port": port},
        "TargetHealth": {"State": state, "Reason": f"Target.{state}"},
    }


def balanced(**changes: Any) -> Answers:
    """An NLB in subnet-a with its interface, a listener, and both public nodes as targets."""
    found = healthy()
    own = interface(9, PRIVATE_LB, "subnet-a", Description="ELB net/web/50dc6c49", Groups=[])
    own["PrivateIpAddresses"] = [{"PrivateIpAddress": PRIVATE_LB, "Association": {"PublicIp": PUBLIC_LB}}]
    found["NetworkInterfaces"].append(own)
    return {
        **found,
        "LoadBalancers": [
            {
                "LoadBalancerArn": LB,
                "LoadBalancerName": "web",
                "DNSName": NAME,
                "Scheme": "internet-facing",
                "VpcId": VPC,
                "State": {"Code": "active"},
                "Type": "network",
                "AvailabilityZones": [{"ZoneName": "eu-west-1a", "SubnetId": "subnet-a"}],
                **changes,
            }
        ],
        "Listeners": [
            {
                "ListenerArn": LISTENER,
                "LoadBalancerArn": LB,
                "Port": 80,
                "Protocol": "TCP",
                "DefaultActions": [{"Type": "forward", "TargetGroupArn": GROUP}],
            }
        ],
        "TargetGroups": [
            {
                "TargetGroupArn": arn,
                "TargetGroupName": name,
                "Protocol": "TCP",
                "Port": 30080,
                "TargetType": "instance",
                "VpcId": VPC,
            }
            for arn, name in ((GROUP, "nodes"), (GROUP_2, "other"))
        ],
        "TargetHealth": [
            {"TargetGroupArn": GROUP, "TargetHealthDescriptions": [target("i-n1"), target("i-n2")]},
            {"TargetGroupArn": GROUP_2, "TargetHealthDescriptions": [target("i-n2", 30090)]},
        ],
    }


def health(found: Answers, *targets: dict[str, Any]) -> Answers:
    found["TargetHealth"][0]["TargetHealthDescriptions"] = list(targets)
    return found


def test_healthy_targets_share_connections_and_see_the_client() -> None:
    assert shim(balanced()).balance(ASK) == [
        Balanced(Fraction(1, 2), ip_address(FIRST), 30080),
        Balanced(Fraction(1, 2), ip_address(SECOND), 30080),
    ]


def test_an_address_that_no_load_balancer_has_is_none() -> None:
    assert shim(balanced()).balance(packet(CLIENT, FIRST)) is None


@pytest.mark.parametrize("name", [NAME, f"dualstack.{NAME}", NAME.upper()])
def test_the_host_name_leads_to_the_addresses(name: str) -> None:
    assert shim(balanced()).addresses_of(name) == [ip_address(PUBLIC_LB), ip_address(PRIVATE_LB)]


def weigh(found: Answers, *weights: int) -> Answers:
    groups = [
        {"TargetGroupArn": arn, "Weight": weight}
        for arn, weight in zip((GROUP, GROUP_2), weights, strict=True)
    ]
    found["Listeners"][0]["DefaultActions"] = [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}]
    return found


SHARES: dict[str, tuple[Callable[[Answers], object], list[tuple[str, str]]]] = {
    "one is not healthy": (
        lambda found: health(found, target("i-n1", state="unhealthy"), target("i-n2")),
        [("1", SECOND)],
    ),
    "none is healthy: all get connections": (
        lambda found: health(found, target("i-n1", state="unhealthy"), target("i-n2", state="initial")),
        [("1/2", FIRST), ("1/2", SECOND)],
    ),
    "one drains": (
        lambda found: health(found, target("i-n1", state="draining"), target("i-n2", state="unhealthy")),
        [("1", SECOND)],
    ),
    "targets by address": (lambda found: health(found, target("10.0.2.10")), [("1", SECOND)]),
    "no target is registered": (lambda found: health(found), []),
    "two groups by weight": (
        lambda found: weigh(found, 1, 3),
        [("1/8", FIRST), ("1/8", SECOND), ("3/4", SECOND)],
    ),
    "a group without weight gets nothing": (lambda found: weigh(found, 0, 5), [("1", SECOND)]),
}


@pytest.mark.parametrize(("change", "expected"), SHARES.values(), ids=SHARES)
def test_shares(change: Callable[[Answers], object], expected: list[tuple[str, str]]) -> None:
    found = balanced()
    change(found)
    targets = shim(found).balance(ASK)
    assert not isinstance(targets, Unknown)
    assert targets is not None
    assert [(str(one.share), str(one.address)) for one in targets] == expected


def test_no_listener_for_the_port_is_no_target() -> None:
    vpc = shim(balanced())
    assert vpc.balance(packet(CLIENT, PUBLIC_LB, 81)) == []
    assert vpc.balance(packet(CLIENT, PUBLIC_LB, 80, protocol=17)) == []


@pytest.mark.parametrize(
    ("kind", "attribute", "own"),
    [("instance", "", False), ("instance", "false", True), ("ip", "", True), ("ip", "true", False)],
)
def test_who_the_target_sees(kind: str, attribute: str, own: bool) -> None:
    found = balanced()
    found["TargetGroups"][0]["TargetType"] = kind
    if attribute:
        found["TargetGroups"][0]["Attributes"] = [{"Key": "preserve_client_ip.enabled", "Value": attribute}]
    targets = shim(found).balance(ASK)
    assert targets
    assert {one.source for one in targets} == ({ip_address(PRIVATE_LB)} if own else {None})


def alb(found: Answers) -> Answers:
    found["LoadBalancers"][0]["Type"] = "application"
    found["Listeners"][0]["Protocol"] = "HTTP"
    return found


def rule(found: Answers, *, default: bool) -> Answers:
    key = LISTENER.replace(":listener/", ":listener-rule/") + "/1"
    found["Rules"] = [{"RuleArn": key, "Priority": "1", "IsDefault": default}]
    return found


UNKNOWN: dict[str, tuple[Callable[[Answers], object], str]] = {
    "no listeners": (lambda found: found.pop("Listeners"), "no Listeners of AWS were collected"),
    "no health": (lambda found: found.pop("TargetHealth"), "the health of the targets of nodes"),
    "a target group that is deleted": (
        lambda found: found["TargetGroups"].clear(),
        "nodes/73e2d6bc is not among the TargetGroups",
    ),
    "a target that is no node": (
        lambda found: health(found, target("i-gone")),
        "the address of the target i-gone is not known",
    ),
    "a listener that redirects": (
        lambda found: found["Listeners"][0].update(DefaultActions=[{"Type": "redirect"}]),
        "answers itself, which is not modelled",
    ),
    "an ALB whose rules were not collected": (alb, "no Rules of AWS were collected"),
    "an ALB with rules": (
        lambda found: (alb(found), rule(found, default=False)),
        "which of 2 rules of web takes a request depends on its host and path",
    ),
    "one of two groups is empty": (
        lambda found: (weigh(found, 1, 1), health(found)),
        "web sends 1/2 of its connections to a group without targets",
    ),
}


@pytest.mark.parametrize(("change", "reason"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_of_targets(change: Callable[[Answers], object], reason: str) -> None:
    found = balanced()
    change(found)
    answer = shim(found).balance(ASK)
    assert isinstance(answer, Unknown)
    assert reason in answer.reason


def test_an_alb_with_its_default_rule_only_speaks_for_itself() -> None:
    found = balanced()
    alb(found)
    rule(found, default=True)
    targets = shim(found).balance(ASK)
    assert targets
    assert {one.source for one in targets} == {ip_address(PRIVATE_LB)}


def guarded(found: Answers, *permissions: dict[str, Any]) -> Answers:
    found["LoadBalancers"][0]["SecurityGroups"] = ["sg-lb"]
    found["SecurityGroups"].append(
        {
            "GroupId": "sg-lb",
            "GroupName": "lb",
            "VpcId": VPC,
            "IpPermissions": list(permissions),
            "IpPermissionsEgress": [permission("tcp", 30080, 30080, groups=["sg-nodes"])],
        }
    )
    return found


def only_from_balancer(found: Answers) -> None:
    guarded(found, permission("tcp", 80, 80, cidrs=["0.0.0.0/0"]))
    found["SecurityGroups"][0]["IpPermissions"] = [permission("tcp", 30080, 30080, groups=["sg-lb"])]


def test_a_rule_may_refer_to_the_load_balancers_group_though_the_client_is_seen() -> None:
    found = balanced()
    only_from_balancer(found)
    assert shim(found).external_to_load_balancer(ASK) == []
    onward = packet(CLIENT, SECOND, 30080)
    assert shim(found).load_balancer_to_node(ip_address(PUBLIC_LB), node("n2"), onward, Tracked()) == []
    (finding,) = shim(found).external_to_node(node("n2"), onward, Tracked())
    assert finding.code == "aws.security-group.ingress"


def enter(found: Answers) -> Sequence[Suspicion]:
    return shim(found).external_to_load_balancer(ASK)


def go_on(found: Answers) -> Sequence[Suspicion]:
    onward = packet(CLIENT, SECOND, 30080)
    return shim(found).load_balancer_to_node(ip_address(PUBLIC_LB), node("n2"), onward, Tracked())


def come_back(found: Answers) -> Sequence[Suspicion]:
    answer = packet(SECOND, CLIENT, 40000, sport=30080)
    return shim(found).node_to_load_balancer(node("n2"), "eth0", ip_address(PUBLIC_LB), answer, Tracked())


HEALTHY = {"to it": enter, "on to a node": go_on, "and back": come_back}


@pytest.mark.parametrize("ask", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_way_is_silent(ask: Callable[[Answers], Sequence[Suspicion]]) -> None:
    assert ask(balanced()) == []


def acl_of_b(found: Answers, *entries: dict[str, Any]) -> None:
    """The subnet of the node n2 has an ACL of its own."""
    found["NetworkAcls"][0]["Associations"] = [{"SubnetId": "subnet-a"}, {"SubnetId": "subnet-c"}]
    found["NetworkAcls"].append(
        {
            "NetworkAclId": "acl-2",
            "VpcId": VPC,
            "Associations": [{"SubnetId": "subnet-b"}],
            "Entries": list(entries),
        }
    )


Row = tuple[Callable[[Answers], Sequence[Suspicion]], Callable[[Answers], object], str, str]
ROWS: dict[str, Row] = {
    "it is being made": (
        enter,
        lambda found: found["LoadBalancers"][0].update(State={"Code": "provisioning"}),
        "aws.balancer.state",
        "web is provisioning",
    ),
    "it is internal": (
        enter,
        lambda found: found["LoadBalancers"][0].update(Scheme="internal"),
        "aws.balancer.internal",
        "203.0.113.7 has no way to it",
    ),
    "its subnet is private": (
        enter,
        lambda found: found["NetworkInterfaces"][-1].update(SubnetId="subnet-c"),
        "aws.route.elsewhere",
        "subnet-c of the load balancer web leads 203.0.113.7 to nat-1",
    ),
    "its group does not let the client in": (
        enter,
        lambda found: guarded(found, permission("tcp", 443, 443, cidrs=["0.0.0.0/0"])),
        "aws.security-group.ingress",
        "the security groups of the load balancer web (sg-lb (lb)) permits tcp 80 from 203.0.113.7",
    ),
    "its subnet's ACL does not let the client in": (
        enter,
        lambda found: found["NetworkAcls"][0].update(Entries=[entry(1, "deny", "6", (80, 80))]),
        "aws.network-acl.ingress",
        "acl-1 (all) ingress 1: deny tcp 80 from 0.0.0.0/0",
    ),
    "a target is not healthy": (
        enter,
        lambda found: health(found, target("i-n1", state="unhealthy"), target("i-n2")),
        "aws.balancer.unhealthy",
        "1 of 2 targets of nodes are not healthy, and get no connections | i-n1:30080 unhealthy",
    ),
    "no listener for the port": (
        enter,
        lambda found: found["Listeners"][0].update(Port=81),
        "aws.balancer.listener",
        "the load balancer web has no listener for tcp 80 | listeners: TCP 81",
    ),
    "no target is healthy": (
        enter,
        lambda found: health(found, target("i-n1", state="unhealthy")),
        "aws.balancer.unhealthy",
        "all 1 targets of nodes are not healthy, so each gets connections",
    ),
    "its group does not let it on": (
        go_on,
        lambda found: (guarded(found), found["SecurityGroups"][-1].update(IpPermissionsEgress=[])),
        "aws.security-group.egress",
        "permits tcp 30080 to 10.0.2.10 | they have no egress rule",
    ),
    "the node's group does not let it in": (
        go_on,
        lambda found: found["SecurityGroups"][0].update(IpPermissions=[permission(groups=["sg-nodes"])]),
        "aws.security-group.ingress",
        "of eni-2 (sg-nodes (nodes)) permits tcp 30080 from 203.0.113.7",
    ),
    "the node's ACL does not let it in": (
        go_on,
        lambda found: acl_of_b(found, entry(5, "allow", cidr="10.0.0.0/16")),
        "aws.network-acl.ingress",
        "acl-2 of subnet-b denies tcp 30080 from 203.0.113.7",
    ),
    "the node's ACL does not let the answer out": (
        come_back,
        lambda found: acl_of_b(found, entry(5, "allow"), entry(5, "allow", cidr="10.0.0.0/16", egress=True)),
        "aws.network-acl.egress",
        "tcp 40000 to 203.0.113.7 (an answer: network ACLs are stateless)",
    ),
}


@pytest.mark.parametrize(("ask", "change", "code", "words"), ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(
    ask: Callable[[Answers], Sequence[Suspicion]],
    change: Callable[[Answers], object],
    code: str,
    words: str,
) -> None:
    found = balanced()
    change(found)
    (finding,) = ask(found)
    assert finding.code == code, finding
    assert words in " | ".join((finding.message, *finding.evidence))
    assert finding.effect == ("" if code == "aws.balancer.unhealthy" else "stops")
    assert finding.evidence
    assert finding.remedy
