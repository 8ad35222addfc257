"""`check` of a cluster on ECS: what of its VPC is not as the cluster needs it, without a flow."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.run import skoop
from tests.providers.aliyun.balanced import sick
from tests.providers.aliyun.test_flows import SNAPSHOT, assembled, vpc, written
from tests.providers.aliyun.vpc import Answers, hop, rule

POD_NETWORK = "10.244.0.0/16"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assembled(tmp_path_factory.mktemp("aliyun"))


def check(snapshot: Path, folder: Path, found: Answers, *more: str) -> list[dict[str, Any]]:
    """What the provider says."""
    ran = skoop("check", "--snapshot", snapshot, "--infra", written(folder, found), "-o", "json", *more)
    told = json.loads(ran.out)["suspicions"]
    return [one for one in told if one["code"].startswith(("aliyun.", "provider."))]


def test_a_healthy_vpc_is_silent(snapshot: Path, tmp_path: Path) -> None:
    assert check(snapshot, tmp_path, vpc()) == []


def no_tunnel(found: Answers) -> None:
    drop = rule("10.0.0.0/16", "UDP", "1/65535", Policy="Drop", Priority="5")
    found["groups"][0]["Permissions"]["Permission"].append(drop)


def eni(found: Answers, index: int) -> dict[str, Any]:
    one: dict[str, Any] = found["NetworkInterfaceSets"]["NetworkInterfaceSet"][index]
    return one


def add_routes(found: Answers, *entries: dict[str, Any]) -> Answers:
    gone = {entry["DestinationCidrBlock"] for entry in entries}
    old = (one for one in found["RouteEntrys"]["RouteEntry"] if one["DestinationCidrBlock"] not in gone)
    found["RouteEntrys"]["RouteEntry"] = [*old, *entries]
    return found


def pods_in_the_vpc(found: Answers) -> Answers:
    """As Terway has them."""
    return add_routes(found, *(hop(f"10.244.{number}.0/24", "local") for number in (1, 2, 3)))


def elsewhere(found: Answers) -> None:
    """All pods of n1 and n2 are on n1."""
    pods_in_the_vpc(found)
    every = [f"10.244.{node}.{slot}" for node in (1, 2) for slot in range(2, 9)]
    eni(found, 0)["PrivateIpSets"]["PrivateIpSet"] += [{"PrivateIpAddress": one} for one in every]


def of_balancers(change: Callable[[Answers], object]) -> Callable[[], Answers]:
    return lambda: vpc(change)


def of_vpc(change: Callable[[Answers], object]) -> Callable[[], Answers]:
    def make() -> Answers:
        found = vpc()
        change(found)
        return found

    return make


ROWS: dict[str, tuple[Callable[[], Answers], str, tuple[str, ...]]] = {
    "a rule that drops the tunnel": (
        of_vpc(no_tunnel),
        "aliyun.security-group.ingress",
        ("drop udp 8472 from", "from n2 to n1, n1 to n2", "ingress 5: drop udp 1/65535 from 10.0.0.0/16"),
    ),
    "a node's interface is gone": (
        of_vpc(lambda found: found["NetworkInterfaceSets"]["NetworkInterfaceSet"].pop(0)),
        "aliyun.interface.missing",
        ("Alibaba Cloud has no network interface of i-n1, which node n1 is",),
    ),
    "a node's interface has another MAC": (
        of_vpc(lambda found: eni(found, 1).update(MacAddress="02:00:00:00:00:77")),
        "aliyun.interface.missing",
        ("eth0 has the MAC 02:00:00:00:00:02, and no network interface of Alibaba Cloud has it",),
    ),
    "a pod's address is on no interface": (
        of_vpc(pods_in_the_vpc),
        "aliyun.address.misplaced",
        ("10.244.1.2 of default/a is not one of any network interface",),
    ),
    "a pod's address is on another node": (
        of_vpc(elsewhere),
        "aliyun.address.misplaced",
        ("10.244.2.2 of default/b is one of eni-1 of i-n1, not of i-n2",),
    ),
    "a route leads to an instance that is gone": (
        of_vpc(lambda found: add_routes(found, hop("10.244.9.0/24", "Instance", "i-n9"))),
        "aliyun.route.dead",
        ("to 10.244.9.0/24 leads to nothing: i-n9 is not among the Instances",),
    ),
    "a route is pending": (
        of_vpc(
            lambda found: add_routes(found, {**hop("10.9.0.0/16", "Instance", "i-n1"), "Status": "Pending"})
        ),
        "aliyun.route.dead",
        ("to 10.9.0.0/16 leads to nothing: it is Pending",),
    ),
    "the service's load balancer is stopped": (
        of_balancers(lambda found: found["classic"].update(LoadBalancerStatus="inactive")),
        "aliyun.balancer.state",
        ("service default/web: the load balancer web is inactive",),
    ),
    "no listener for the service's port": (
        of_balancers(lambda found: found["classic listener"].update(ListenerPort=443)),
        "aliyun.balancer.listener",
        ("service default/web: the load balancer web has no listener for tcp 80",),
    ),
    "the listener is stopped": (
        of_balancers(lambda found: found["classic listener"].update(Status="stopped")),
        "aliyun.balancer.listener",
        ("service default/web: the listener for tcp 80 of web is stopped",),
    ),
    "a server that is no node": (
        of_balancers(
            lambda found: found["vserver group"]["BackendServers"]["BackendServer"][1].update(
                ServerIp="10.0.9.9"
            )
        ),
        "aliyun.balancer.targets",
        (
            "service default/web: 1 of 2 targets for port 80 are not the service's",
            "i-n2:30080 is 10.0.9.9, neither a node of the cluster nor a ready endpoint of the service",
        ),
    ),
    "no server is registered": (
        of_balancers(lambda found: found["vserver group"].update(BackendServers={"BackendServer": []})),
        "aliyun.balancer.unhealthy",
        ("service default/web: no server is registered with web",),
    ),
    "servers are not healthy": (
        of_balancers(sick),
        "aliyun.balancer.unhealthy",
        ("service default/web: 1 of 2 servers of web are not healthy",),
    ),
}


@pytest.mark.parametrize(("make", "code", "words"), ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(
    snapshot: Path, tmp_path: Path, make: Callable[[], Answers], code: str, words: tuple[str, ...]
) -> None:
    plugin = ["--network-plugin", "aws-vpc-cni"] if code == "aliyun.address.misplaced" else []
    told = [one for one in check(snapshot, tmp_path, make(), *plugin) if one["code"] != "aliyun.unknown"]
    assert {one["code"] for one in told} == {code}, told
    text = " | ".join(" | ".join((one["message"], *one["evidence"], one["remedy"])) for one in told)
    for word in words:
        assert word in text
    assert all(one["level"] == "warning" and one["remedy"] for one in told)


@pytest.fixture(scope="module")
def native(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pods leave the nodes with their own addresses."""
    calico = SNAPSHOT.with_name("healthy-calico.skoop")
    return assembled(tmp_path_factory.mktemp("native"), snapshot=calico)


NATIVE: dict[str, tuple[Callable[[Answers], object], str, tuple[str, ...]]] = {
    "an interface takes its own addresses only": (
        lambda found: eni(found, 1).update(SourceDestCheck=True),
        "aliyun.source-dest-check",
        ("eni-2 of i-n2 has the source/destination check", "--SourceDestCheck false"),
    ),
    "the route for a node's pods leads to another node": (
        lambda found: add_routes(found, hop("10.244.2.0/24", "Instance", "i-n3")),
        "aliyun.route.elsewhere",
        ("vsw-a leads 10.244.2.2 to Instance i-n3, not to eni-2", "n1 to n2"),
    ),
    "the groups know nodes only": (
        lambda found: found["groups"][0]["Permissions"]["Permission"].pop(),
        "aliyun.security-group.ingress",
        ("drop tcp 8080 from 10.244.", "the rest is dropped"),
    ),
}


def test_pods_that_are_routed_in_a_healthy_vpc_are_silent(native: Path, tmp_path: Path) -> None:
    assert check(native, tmp_path, vpc()) == []


@pytest.mark.parametrize(("change", "code", "words"), NATIVE.values(), ids=NATIVE)
def test_what_parts_pods_that_are_routed(
    native: Path,
    tmp_path: Path,
    change: Callable[[Answers], object],
    code: str,
    words: tuple[str, ...],
) -> None:
    found = vpc()
    change(found)
    told = check(native, tmp_path, found)
    assert {(one["code"], one["level"]) for one in told} == {(code, "warning")}, told
    text = " | ".join(" | ".join((one["message"], *one["evidence"], one["remedy"])) for one in told)
    for word in words:
        assert word in text


def test_a_network_balancer_that_the_status_names_is_sought(tmp_path: Path) -> None:
    name = "nlb-9.cn-hangzhou.nlb.aliyuncs.com"
    (tmp_path / "a").mkdir()
    snapshot = assembled(tmp_path / "a", ingress={"hostname": name})
    (told,) = check(snapshot, tmp_path, vpc())
    assert told["code"] == "aliyun.balancer.missing"
    assert name in told["message"]


UNKNOWN: dict[str, tuple[Callable[[Answers], object], str]] = {
    "interfaces": (lambda found: found.pop("NetworkInterfaceSets"), "which interfaces nodes and pods have"),
    "security groups": (lambda found: found["groups"].pop(0), "sg-nodes is not"),
}


@pytest.mark.parametrize(("change", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_was_not_collected_is_said(
    snapshot: Path, tmp_path: Path, change: Callable[[Answers], object], words: str
) -> None:
    found = vpc()
    change(found)
    told = check(snapshot, tmp_path, found)
    assert {(one["code"], one["level"]) for one in told} == {("aliyun.unknown", "info")}
    assert any(words in one["message"] for one in told)


def test_without_anything_of_the_cloud_one_remark_says_so(snapshot: Path) -> None:
    ran = skoop("check", "--snapshot", snapshot, "-o", "json")
    told = json.loads(ran.out)
    found = [one for one in told["suspicions"] if one["code"].startswith("aliyun.")]
    assert [(one["code"], one["level"]) for one in found] == [("aliyun.not-collected", "info")]
    assert told["missing"] == []
