"""The provider as a user meets it: detected, fed with files, asked offline."""

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from kubectl_skoop.api import InfraFile, NotCollected
from kubectl_skoop.cluster.raw import Object, mapping, ref_of
from kubectl_skoop.providers.aws import answers
from kubectl_skoop.snapshot.assemble import assemble
from kubectl_skoop.snapshot.source import open_snapshot
from tests.cli.run import Ran, skoop
from tests.providers.aws.test_balancers import NAME, PUBLIC_LB, balanced, health, target
from tests.providers.aws.vpc import CLIENT, VPC, Answers, permission
from tests.snapshot.redact.contents import all_bytes

SNAPSHOT = Path(__file__).parents[3] / "snapshots" / "healthy-vxlan.skoop"
ADDRESSES = {"n1": "10.0.0.1", "n2": "10.0.0.2"}


def objects(snapshot: Path = SNAPSHOT) -> Mapping[str, Sequence[Object]]:
    """Of a snapshot; its nodes are instances of EC2."""
    found: dict[str, Sequence[Object]] = {}
    with closing(open_snapshot(snapshot)) as source:
        for kind in source.kinds():
            items = source.objects(kind)
            assert not isinstance(items, NotCollected)
            found[kind] = [_of_aws(item) for item in items]
    return found


def _of_aws(item: Object) -> Object:
    ref = ref_of(item)
    if (ref.kind, ref.name) == ("Service", "web"):
        status = {"loadBalancer": {"ingress": [{"hostname": NAME}]}}
        return {**item, "spec": {**mapping(item, "spec"), "type": "LoadBalancer"}, "status": status}
    if ref.kind != "Node":
        return item
    provider = f"aws:///eu-west-1a/i-{ref_of(item).name}"
    return {**item, "spec": {**mapping(item, "spec"), "providerID": provider}}


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return assembled(tmp_path_factory.mktemp("aws"))


def assembled(folder: Path, snapshot: Path = SNAPSHOT) -> Path:
    """Without anything of the cloud."""
    path = folder / "s"
    assemble([snapshot], objects(snapshot), path, time=1.0)
    return path


def vpc() -> Answers:
    """Both nodes in one subnet."""
    found = balanced()
    made = []
    for number, (name, address) in enumerate(ADDRESSES.items(), 1):
        one: dict[str, Any] = {
            **found["NetworkInterfaces"][0],
            "NetworkInterfaceId": f"eni-{number}",
            "MacAddress": f"02:00:00:00:00:{number:02X}",
            "Attachment": {"InstanceId": f"i-{name}", "DeviceIndex": 0},
            "PrivateIpAddress": address,
            "PrivateIpAddresses": [
                {"PrivateIpAddress": address, "Association": {"PublicIp": f"198.51.100.{number}"}}
            ],
        }
        made.append(one)
    (own,) = (one for one in found["NetworkInterfaces"] if one["Description"])
    return {**found, "NetworkInterfaces": [*made, {**own, "SubnetId": "subnet-b"}]}


def written(folder: Path, found: Mapping[str, object]) -> Path:
    path = folder / "vpc.json"
    path.write_text(json.dumps(found))
    return path


def ask(snapshot: Path, source: str, destination: str, *more: str | Path) -> Ran:
    return skoop("diagnose", "-s", source, "-d", destination, "--snapshot", snapshot, *more)


def test_it_is_detected_by_the_nodes(snapshot: Path) -> None:
    ran = skoop("providers", "--detect", "--snapshot", snapshot)
    assert "aws" in ran.out
    assert "providerID of node n1" in ran.out


WITHOUT_THE_CLOUD = 1


def test_without_anything_of_the_cloud_it_is_taken_to_carry_and_that_is_said(snapshot: Path) -> None:
    ran = ask(snapshot, "pod/default/a", "pod/default/b", "-p", "8080", "-o", "json")
    told = json.loads(ran.out)
    assert (ran.code, told["verdict"]) == (0, "reachable")
    found = [one for one in told["suspicions"] if one["code"] == "aws.not-collected"]
    assert {one["where"]["name"] for one in found} == {"n1", "n2"}
    assert all(one["level"] == "info" for one in found)
    assert all("infra/aws: not collected (give it with --infra)" in one["message"] for one in found)
    within = ask(snapshot, "pod/default/a", "pod/default/a2", "-p", "8080", "-o", "json")
    assert "aws.not-collected" not in within.out


HEALTHY = [
    ("pod/default/a", "pod/default/b"),
    ("pod/default/a", "svc/default/web"),
    (CLIENT, "svc/default/web"),
    ("node/n1", "192.0.2.80"),
]


@pytest.mark.parametrize(("source", "destination"), HEALTHY)
def test_a_healthy_vpc_lets_it_through(snapshot: Path, tmp_path: Path, source: str, destination: str) -> None:
    port = [] if destination.startswith("svc") else ["-p", "8080"]
    ran = ask(snapshot, source, destination, *port, "--infra", written(tmp_path, vpc()), "-o", "json")
    answer = json.loads(ran.out)
    assert (ran.code, answer["verdict"]) == (0, "reachable"), ran.out
    assert [one for one in answer["suspicions"] if one["level"] != "info"] == []


def test_the_groups_without_the_tunnels_port_stop_the_pods(snapshot: Path, tmp_path: Path) -> None:
    found = vpc()
    found["SecurityGroups"][0]["IpPermissions"] = [permission("tcp", 0, 65535, groups=["sg-nodes"])]
    ran = ask(snapshot, "pod/default/a", "pod/default/b", "-p", "8080", "--infra", written(tmp_path, found))
    assert ran.code == 1
    assert (
        "unreachable (timeout): node/n2: no rule of the security groups of eni-2 (sg-nodes (nodes))"
        in ran.out
    )
    assert "permits udp 8472 from 10.0.0.1" in ran.out
    assert "sg-nodes (nodes) ingress: tcp 0-65535 from sg-nodes (nodes)" in ran.out
    assert "aws ec2 authorize-security-group-ingress --group-id sg-nodes" in ran.out


def test_the_service_is_asked_by_its_load_balancer(snapshot: Path, tmp_path: Path) -> None:
    ran = ask(snapshot, CLIENT, "svc/default/web", "--infra", written(tmp_path, vpc()))
    assert ran.code == 0, ran.out
    lines = [line.split()[:2] for line in ran.out.splitlines()]
    assert ["external/203.0.113.7", "send"] in lines
    assert [f"lb/{PUBLIC_LB}", "service"] in lines
    assert "reachable" in ran.out.splitlines()[0]


def test_of_two_targets_the_one_that_its_group_guards_fails(snapshot: Path, tmp_path: Path) -> None:
    found = vpc()
    found["NetworkInterfaces"][0]["Groups"] = [{"GroupId": "sg-shut"}]
    shut = {
        "GroupId": "sg-shut",
        "GroupName": "shut",
        "IpPermissions": [permission("udp", 0, 65535, cidrs=["0.0.0.0/0"])],
    }
    found["SecurityGroups"].append({**shut, "IpPermissionsEgress": [permission(cidrs=["0.0.0.0/0"])]})
    ran = ask(snapshot, CLIENT, "svc/default/web", "--infra", written(tmp_path, found))
    assert ran.code == 1
    assert (
        "partial, 1 of 2 backends answers, 50 % of connections fail (timeout): "
        "node/n1: no rule of the security groups of eni-1" in ran.out
    )
    health(found, target("i-n2"))
    assert ask(snapshot, CLIENT, "svc/default/web", "--infra", written(tmp_path, found)).code == 0


def test_a_load_balancer_that_nobody_knows_gives_no_verdict(snapshot: Path, tmp_path: Path) -> None:
    found = {**vpc(), "LoadBalancers": []}
    ran = ask(snapshot, CLIENT, "svc/default/web", "--infra", written(tmp_path, found))
    assert (ran.code, ran.out) == (3, "")
    assert f"no load balancer {NAME} was collected" in ran.err


def test_a_listener_that_is_not_there_is_told_with_those_that_are(snapshot: Path, tmp_path: Path) -> None:
    found = vpc()
    found["Listeners"][0].update(Port=443)
    ran = ask(snapshot, CLIENT, "svc/default/web", "--infra", written(tmp_path, found))
    assert ran.code == 1
    assert "unreachable (timeout): the load balancer web has no listener for tcp 80" in ran.out
    assert "listeners: TCP 443" in ran.out


def test_a_private_subnet_is_not_reached_from_outside(snapshot: Path, tmp_path: Path) -> None:
    found = vpc()
    found["RouteTables"][0]["Associations"] = []
    ran = ask(snapshot, CLIENT, "node/n1", "-p", "30080", "--infra", written(tmp_path, found))
    assert ran.code == 1
    assert "subnet-a is no public subnet: its answers to 203.0.113.7 go to nat-1" in ran.out


def test_a_snapshot_keeps_what_the_files_say(tmp_path: Path) -> None:
    (tmp_path / "objects.json").write_text(
        json.dumps({"kind": "List", "items": [dict(item) for items in objects().values() for item in items]})
    )
    file = written(tmp_path, vpc())
    ran = skoop(
        "snapshot", "-f", tmp_path / "s", "--node-dump", SNAPSHOT, "--objects", tmp_path / "objects.json",
        "--infra", file,
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert ask(tmp_path / "s", "pod/default/a", "pod/default/b", "-p", "8080").code == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [("{", "line 1, column 2"), ('{"items": []}', "is no answer that is known"), ("", "is empty")],
)
def test_a_bad_file_is_one_line(snapshot: Path, tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(content)
    ran = ask(snapshot, "pod/default/a", "pod/default/b", "-p", "8080", "--infra", path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"error: {path}: ")
    assert message in ran.err
    assert ran.err.count("\n") == 1


def test_no_file_no_folder_and_nobody_who_reads_it(snapshot: Path, tmp_path: Path) -> None:
    flow = ("pod/default/a", "pod/default/b", "-p", "8080")
    ran = ask(snapshot, *flow, "--infra", tmp_path / "none")
    assert (ran.code, ran.err) == (2, f"error: {tmp_path}/none: no such file or directory\n")
    ran = ask(snapshot, *flow, "--infra", tmp_path)
    assert (ran.code, ran.err) == (2, f"error: {tmp_path}: holds no .json file\n")
    ran = ask(SNAPSHOT, *flow, "--infra", written(tmp_path, vpc()))
    assert ran.code == 2
    assert "no provider is known for this cluster's cloud" in ran.err


def test_the_subnets_own_table_is_meant(snapshot: Path, tmp_path: Path) -> None:
    found = vpc()
    found["RouteTables"] = [one for one in found["RouteTables"] if one["VpcId"] != VPC]
    ran = ask(snapshot, "node/n1", "192.0.2.80", "-p", "443", "--infra", written(tmp_path, found))
    assert ran.code == 3
    assert "no route table of subnet-a, nor a main one of vpc-1, was collected" in ran.err


def test_a_redacted_file_has_nothing_of_the_cloud_and_says_so(tmp_path: Path) -> None:
    found, whole, new = vpc(), tmp_path / "whole", tmp_path / "new"
    found["SecurityGroups"][0]["IpPermissions"] = []
    read = answers.read([InfraFile("vpc.json", json.dumps(found).encode())])
    assemble([SNAPSHOT], objects(), whole, time=1.0, infra=lambda _: ("aws", read))
    assert "\ncloud: aws\n" in skoop("inspect", "--snapshot", whole).out
    ran = skoop("redact", whole, new)
    assert ran.code == 1
    assert "24 answers of the redacted file are others" in ran.err
    assert "infra: what a provider gathered" in ran.out
    assert (
        "infra/aws: not collected (redact leaves out what a cloud said)"
        in skoop("inspect", "--snapshot", new).out
    )
    content = all_bytes(new)
    for secret in ("sg-nodes", "vpc-1", "eni-1", "eu-west-1a", "i-n1", "198.51.100.1", NAME):
        assert secret.encode() not in content


def test_a_gap_of_a_cloud_stays_a_gap_when_it_is_redacted(tmp_path: Path) -> None:
    whole, new, again = (tmp_path / name for name in ("whole", "new", "again"))
    gap = NotCollected("infra/aws", "not collected", "profile acme-prod may not ask")
    assemble([SNAPSHOT], objects(), whole, time=1.0, infra=lambda _: ("aws", gap))
    assert skoop("redact", whole, new).code == 0
    assert skoop("redact", new, again).code == 0
    for path in (new, again):
        shown = skoop("inspect", "--snapshot", path).out
        assert "infra/aws: not collected" in shown
        assert b"acme" not in all_bytes(path)


def test_the_name_of_a_providers_author_does_not_pass(tmp_path: Path) -> None:
    whole, new = tmp_path / "whole", tmp_path / "new"
    assemble([SNAPSHOT], objects(), whole, time=1.0, infra=lambda _: ("acmecloud", {"vpc": "acmenet"}))
    assert skoop("redact", whole, new).code == 0
    assert b"acme" in all_bytes(whole)
    assert b"acme" not in all_bytes(new)
    assert "(redact leaves out what a cloud said)" in skoop("inspect", "--snapshot", new).out
