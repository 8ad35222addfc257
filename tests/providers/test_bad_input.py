"""Answers of a cloud, and options, that are wrong: a finding or one clear line, never the end of the run."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.cli.run import Ran, skoop
from tests.providers.aliyun import test_flows as aliyun
from tests.providers.aliyun import vpc as aliyun_vpc
from tests.providers.aws import test_flows as aws
from tests.providers.aws.vpc import permission

FLOW = ("-s", "pod/default/a", "-d", "pod/default/b", "-p", "8080")
Found = dict[str, Any]


@pytest.fixture(scope="module")
def snapshots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {
        "aws": aws.assembled(tmp_path_factory.mktemp("aws")),
        "aliyun": aliyun.assembled(tmp_path_factory.mktemp("aliyun")),
    }


def written(cloud: str, folder: Path, change: Callable[[Found], object]) -> Path:
    found: Found = aws.vpc() if cloud == "aws" else aliyun.vpc()
    change(found)
    return aws.written(folder, found) if cloud == "aws" else aliyun.written(folder, found)


def aws_rules(found: Found) -> list[Any]:
    rules: list[Any] = found["SecurityGroups"][0]["IpPermissions"]
    return rules


def aliyun_rules(found: Found, *rules: dict[str, str]) -> None:
    """Of an enterprise group: what no rule accepts is dropped."""
    found["SecurityGroups"]["SecurityGroup"][0]["SecurityGroupType"] = "enterprise"
    everything = aliyun_vpc.rule("0.0.0.0/0", egress=True)
    found["groups"][0]["Permissions"]["Permission"] = [everything, *rules]


def first_page(found: Found) -> None:
    """Of the interfaces, which has none of these."""
    del found["NetworkInterfaceSets"]
    found["lists"] = [{"NetworkInterfaceSets": {"NetworkInterfaceSet": []}, "NextToken": "more"}]


class Row(NamedTuple):
    """`code`: of what the flow is told of; `words` of its message."""

    cloud: str
    change: Callable[[Found], object]
    code: str
    words: str


FINDINGS = {
    "aws: an answer lacks a page": Row(
        "aws",
        lambda found: found.update(NextToken="more", NetworkInterfaces=[]),
        "aws.unknown",
        "lacks the pages after its first",
    ),
    "aws: an interface has a group that is deleted": Row(
        "aws",
        lambda found: found["NetworkInterfaces"][1].update(Groups=[{"GroupId": "sg-gone"}]),
        "aws.unknown",
        "sg-gone is not among the SecurityGroups",
    ),
    "aws: a network that is none": Row(
        "aws",
        lambda found: aws_rules(found).__setitem__(slice(None), [permission(cidrs=["10.0.0.0/99"])]),
        "aws.unknown",
        "an answer of AWS cannot be read",
    ),
    "aws: a protocol that is none": Row(
        "aws",
        lambda found: aws_rules(found)[0].update(IpProtocol="quux"),
        "aws.unknown",
        "an answer of AWS cannot be read: the protocol of a rule is quux",
    ),
    "aliyun: a priority that is none": Row(
        "aliyun",
        lambda found: aliyun_rules(found, {**aliyun_vpc.rule("10.0.0.0/16"), "Priority": "first"}),
        "aliyun.unknown",
        "cannot be read: the priority of a rule of sg-nodes is first",
    ),
    "aliyun: ports that are none": Row(
        "aliyun",
        lambda found: aliyun_rules(
            found, {**aliyun_vpc.rule("10.0.0.0/16"), "IpProtocol": "udp", "PortRange": "80-90"}
        ),
        "aliyun.unknown",
        "cannot be read: an end of the ports 80-90 of a rule is 80-90",
    ),
    "aws: an address that is none": Row(
        "aws",
        lambda found: found["NetworkInterfaces"][0].update(PrivateIpAddress="10.0.0.999"),
        "aws.unknown",
        "an answer of AWS cannot be read",
    ),
    "aliyun: an address that is none": Row(
        "aliyun",
        lambda found: found["NetworkInterfaceSets"]["NetworkInterfaceSet"][0].update(
            PrivateIpAddress="10.0.0.999"
        ),
        "aliyun.unknown",
        "an answer of Alibaba Cloud cannot be read",
    ),
    "aliyun: an answer lacks a page": Row(
        "aliyun",
        first_page,
        "aliyun.unknown",
        "lacks the pages after its first",
    ),
    "aliyun: an interface has a group that is deleted": Row(
        "aliyun",
        lambda found: found["NetworkInterfaceSets"]["NetworkInterfaceSet"][1].update(
            SecurityGroupIds={"SecurityGroupId": ["sg-gone"]}
        ),
        "aliyun.unknown",
        "sg-gone is not among the SecurityGroupRules",
    ),
    "aliyun: a network that is none": Row(
        "aliyun",
        lambda found: aliyun_rules(found, aliyun_vpc.rule("10.0.0.0/99")),
        "aliyun.unknown",
        "an answer of Alibaba Cloud cannot be read",
    ),
}


@pytest.mark.parametrize("row", FINDINGS.values(), ids=FINDINGS)
def test_a_flow_is_told_what_is_not_known(snapshots: dict[str, Path], tmp_path: Path, row: Row) -> None:
    files = written(row.cloud, tmp_path, row.change)
    ran = skoop("diagnose", *FLOW, "--snapshot", snapshots[row.cloud], "--infra", files, "-o", "json")
    told = json.loads(ran.out)
    assert (ran.code, told["verdict"]) == (3, "unknown")
    assert told["cause"]["code"] == row.code
    assert row.words in told["cause"]["message"]


@pytest.mark.parametrize("row", FINDINGS.values(), ids=FINDINGS)
def test_check_goes_on(snapshots: dict[str, Path], tmp_path: Path, row: Row) -> None:
    files = written(row.cloud, tmp_path, row.change)
    ran = skoop("check", "--snapshot", snapshots[row.cloud], "--infra", files, "-o", "json")
    told = json.loads(ran.out)["suspicions"]
    assert ran.code in (0, 1)
    assert any(one["code"].startswith(f"{row.cloud}.") for one in told)
    assert not any(one["code"] == "provider.failed" for one in told)


GONE = {
    "aws": (
        lambda found: aws_rules(found).__setitem__(slice(None), [permission(groups=["sg-gone"])]),
        "ingress: all from sg-gone (not among the groups: deleted, or of another account or region)",
    ),
    "aliyun": (
        lambda found: aliyun_rules(found, aliyun_vpc.rule("sg-gone")),
        "accept all from sg-gone",
    ),
}


@pytest.mark.parametrize("cloud", GONE)
def test_a_rule_for_a_group_that_is_deleted_lets_nobody_in(
    snapshots: dict[str, Path], tmp_path: Path, cloud: str
) -> None:
    """No interface has it; which groups the sender's interface has is known."""
    change, words = GONE[cloud]
    ran = skoop(
        "diagnose", *FLOW, "--snapshot", snapshots[cloud], "--infra", written(cloud, tmp_path, change)
    )
    assert ran.code == 1
    assert words in ran.out


CONTRADICTIONS = {
    "files, and a provider that reads none": (
        "aws",
        ("--cloud-provider", "generic"),
        "nobody reads the files",
    ),
    "files of another cloud": ("aws", ("--cloud-provider", "aliyun"), "give what `aliyun` printed"),
    "files, and a profile to ask with": (
        "aws",
        ("--aws-profile", "dev"),
        "--aws-profile and --infra contradict",
    ),
    "files, and a region to ask": (
        "aws",
        ("--aws-region", "eu-west-1"),
        "--aws-region and --infra contradict",
    ),
    "a provider that nobody has": ("aws", ("--cloud-provider", "azure"), "no cloud provider 'azure'"),
}


def asked(command: str, snapshot: Path, files: Path, options: tuple[str, ...]) -> Ran:
    flow = FLOW if command == "diagnose" else ()
    return skoop(command, *flow, "--snapshot", snapshot, "--infra", files, *options)


@pytest.mark.parametrize("command", ["diagnose", "check"])
@pytest.mark.parametrize(("cloud", "options", "words"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_options_that_contradict_each_other_are_one_line(
    snapshots: dict[str, Path],
    tmp_path: Path,
    command: str,
    cloud: str,
    options: tuple[str, ...],
    words: str,
) -> None:
    ran = asked(command, snapshots[cloud], written(cloud, tmp_path, bool), options)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith("error: ")
    assert words in ran.err
