"""`check` of a cluster on EC2: what of its VPC is not as the cluster needs it, without a flow."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import skoop
from tests.providers.aws.test_balancers import NAME, health, target
from tests.providers.aws.test_flows import SNAPSHOT, assembled, vpc, written
from tests.providers.aws.vpc import Answers, entry, permission

POD_NETWORK = "10.244.0.0/16"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assembled(tmp_path_factory.mktemp("aws"))


def check(snapshot: Path, folder: Path, found: Answers, *more: str) -> list[dict[str, Any]]:
    """What the provider says."""
    ran = skoop("check", "--snapshot", snapshot, "--infra", written(folder, found), "-o", "json", *more)
    told = json.loads(ran.out)["suspicions"]
    return [one for one in told if one["code"].startswith(("aws.", "provider."))]


def test_a_healthy_vpc_is_silent(snapshot: Path, tmp_path: Path) -> None:
    assert check(snapshot, tmp_path, vpc()) == []


def only_tcp(found: Answers) -> None:
    found["SecurityGroups"][0]["IpPermissions"] = [permission("tcp", 0, 65535, groups=["sg-nodes"])]


def pods_in_the_vpc(found: Answers) -> None:
    """As the VPC CNI has them."""
    found["Vpcs"][0]["CidrBlockAssociationSet"] = [{"CidrBlock": POD_NETWORK}]
    for table in found["RouteTables"]:
        local = {"DestinationCidrBlock": POD_NETWORK, "GatewayId": "local", "State": "active"}
        table["Routes"].append(local)


def elsewhere(found: Answers) -> None:
    """All pods of n1 and n2 are on n1."""
    pods_in_the_vpc(found)
    every = [{"PrivateIpAddress": f"10.244.{node}.{slot}"} for node in (1, 2) for slot in range(2, 9)]
    found["NetworkInterfaces"][0]["PrivateIpAddresses"] += every


def dead(found: Answers) -> None:
    gone = {"DestinationCidrBlock": "10.9.0.0/16", "NetworkInterfaceId": "eni-9", "State": "blackhole"}
    for table in found["RouteTables"]:
        table["Routes"].append(gone)


Change = Callable[[Answers], object]
ROWS: dict[str, tuple[Change, str, tuple[str, ...]]] = {
    "groups without the tunnel's port": (
        only_tcp,
        "aws.security-group.ingress",
        ("permits udp 8472 from", "from n2 to n1, n1 to n2", "authorize-security-group-ingress"),
    ),
    "a node's interface is gone": (
        lambda found: found["NetworkInterfaces"].pop(0),
        "aws.interface.missing",
        ("AWS has no network interface of i-n1, which node n1 is",),
    ),
    "a node's interface has another MAC": (
        lambda found: found["NetworkInterfaces"][1].update(MacAddress="02:00:00:00:00:77"),
        "aws.interface.missing",
        ("eth0 has the MAC 02:00:00:00:00:02, and no network interface of AWS has it", "10.0.0.2"),
    ),
    "a pod's address is on no interface": (
        pods_in_the_vpc,
        "aws.address.misplaced",
        ("10.244.1.2 of default/a is not one of any network interface",),
    ),
    "a pod's address is on another node": (
        elsewhere,
        "aws.address.misplaced",
        ("10.244.2.2 of default/b is one of eni-1 of i-n1, not of i-n2",),
    ),
    "a route leads to an interface that is deleted": (
        dead,
        "aws.route.blackhole",
        ("to 10.9.0.0/16 is a blackhole: its target eni-9 is gone",),
    ),
    "the service's load balancer is deleted": (
        lambda found: found["LoadBalancers"].clear(),
        "aws.balancer.missing",
        (f"service default/web: AWS has no load balancer {NAME}",),
    ),
    "the service's load balancer has failed": (
        lambda found: found["LoadBalancers"][0].update(State={"Code": "failed"}),
        "aws.balancer.state",
        ("service default/web: the load balancer web is failed",),
    ),
    "no listener for the service's port": (
        lambda found: found["Listeners"][0].update(Port=81),
        "aws.balancer.listener",
        ("service default/web: the load balancer web has no listener for tcp 80",),
    ),
    "no target is registered": (
        health,
        "aws.balancer.unhealthy",
        ("service default/web: no target is registered with nodes",),
    ),
    "a target that is no node": (
        lambda found: health(found, target("i-n1"), target("10.0.9.9")),
        "aws.balancer.targets",
        (
            "service default/web: 1 of 2 targets for port 80 are not the service's",
            "10.0.9.9:30080 is 10.0.9.9, neither a node of the cluster nor a ready endpoint of the service",
        ),
    ),
    "a target by the port of yesterday": (
        lambda found: health(found, target("i-n1", port=30999), target("i-n2")),
        "aws.balancer.targets",
        ("i-n1:30999 is node n1, whose port for the service is 30080",),
    ),
    "targets are not healthy": (
        lambda found: health(found, target("i-n1", state="unhealthy"), target("i-n2")),
        "aws.balancer.unhealthy",
        ("service default/web: 1 of 2 targets of nodes are not healthy",),
    ),
}


@pytest.mark.parametrize(("change", "code", "words"), ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(
    snapshot: Path, tmp_path: Path, change: Change, code: str, words: tuple[str, ...]
) -> None:
    found = vpc()
    change(found)
    plugin = ["--network-plugin", "aws-vpc-cni"] if code == "aws.address.misplaced" else []
    told = [one for one in check(snapshot, tmp_path, found, *plugin) if one["code"] != "aws.unknown"]
    assert {one["code"] for one in told} == {code}, told
    text = " | ".join(" | ".join((one["message"], *one["evidence"], one["remedy"])) for one in told)
    for word in words:
        assert word in text
    assert all(one["level"] == "warning" and one["remedy"] for one in told)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pods leave the nodes with their own addresses."""
    return assembled(tmp_path_factory.mktemp("native"), SNAPSHOT.with_name("healthy-calico.skoop"))


def routed() -> Answers:
    """Each node in a subnet of its own, and routes for the pods of each."""
    found = vpc()
    for number, one in enumerate(found["NetworkInterfaces"][:2], 1):
        one.update(SourceDestCheck=False, SubnetId=f"subnet-{'ab'[number - 1]}")
    found["SecurityGroups"][0]["IpPermissions"].append(permission(cidrs=[POD_NETWORK]))
    found["RouteTables"][0]["Routes"] += [
        {"DestinationCidrBlock": f"10.244.{number}.0/24", "InstanceId": f"i-n{number}", "State": "active"}
        for number in (1, 2)
    ]
    return found


def pod_route(found: Answers) -> dict[str, Any]:
    """Of n2."""
    route: dict[str, Any] = found["RouteTables"][0]["Routes"][-1]
    return route


NATIVE: dict[str, tuple[Change, str, tuple[str, ...]]] = {
    "an interface takes its own addresses only": (
        lambda found: found["NetworkInterfaces"][1].update(SourceDestCheck=True),
        "aws.source-dest-check",
        ("eni-2 of i-n2 has the source/destination check", "--no-source-dest-check"),
    ),
    "no route for a node's pods": (
        lambda found: found["RouteTables"][0]["Routes"].pop(),
        "aws.route.elsewhere",
        ("subnet-a leads 10.244.2.2 to igw-1, not to eni-2", "n1 to n2"),
    ),
    "no route for a node's pods, nor out": (
        lambda found: (found["RouteTables"][0]["Routes"].pop(), found["RouteTables"][0]["Routes"].pop(1)),
        "aws.route.none",
        ("rtb-public of subnet-a has no route to 10.244.2.2", "n1 to n2"),
    ),
    "the route for a node's pods leads to another node": (
        lambda found: pod_route(found).update(InstanceId="i-n3"),
        "aws.route.elsewhere",
        ("subnet-a leads 10.244.2.2 to i-n3, not to eni-2", "n1 to n2"),
    ),
    "the groups know nodes only": (
        lambda found: found["SecurityGroups"][0]["IpPermissions"].pop(),
        "aws.security-group.ingress",
        ("permits tcp 8080 from 10.244.", "sg-nodes (nodes) ingress: all from sg-nodes (nodes)"),
    ),
    "an ACL between the subnets": (
        lambda found: found["NetworkAcls"][0].update(Entries=[entry(100, "allow", "6", (443, 443))]),
        "aws.network-acl.egress",
        ("the network ACL acl-1 (all) of subnet-", "denies tcp 8080"),
    ),
}


def test_pods_that_are_routed_in_a_healthy_vpc_are_silent(native: Path, tmp_path: Path) -> None:
    assert check(native, tmp_path, routed()) == []


@pytest.mark.parametrize(("change", "code", "words"), NATIVE.values(), ids=NATIVE)
def test_what_parts_pods_that_are_routed(
    native: Path, tmp_path: Path, change: Change, code: str, words: tuple[str, ...]
) -> None:
    found = routed()
    change(found)
    told = check(native, tmp_path, found)
    assert {(one["code"], one["level"]) for one in told} == {(code, "warning")}, told
    text = " | ".join(" | ".join((one["message"], *one["evidence"], one["remedy"])) for one in told)
    for word in words:
        assert word in text


UNKNOWN: dict[str, tuple[Change, str]] = {
    "interfaces": (lambda found: found.pop("NetworkInterfaces"), "which interfaces nodes and pods have"),
    "load balancers": (lambda found: found.pop("LoadBalancers"), "load balancers and services"),
    "security groups": (lambda found: found.pop("SecurityGroups"), "no SecurityGroups of AWS"),
}


@pytest.mark.parametrize(("change", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_was_not_collected_is_said(snapshot: Path, tmp_path: Path, change: Change, words: str) -> None:
    found = vpc()
    change(found)
    told = check(snapshot, tmp_path, found)
    assert {(one["code"], one["level"]) for one in told} == {("aws.unknown", "info")}
    assert any(words in one["message"] for one in told)


def test_without_anything_of_the_cloud_one_remark_says_so(snapshot: Path) -> None:
    ran = skoop("check", "--snapshot", snapshot, "-o", "json")
    told = json.loads(ran.out)
    found = [one for one in told["suspicions"] if one["code"].startswith("aws.")]
    assert [(one["code"], one["level"]) for one in found] == [("aws.not-collected", "info")]
    assert (ran.code, told["missing"]) == (0, [])
