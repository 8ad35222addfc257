"""Asking the cloud: of moto, which answers as EC2 and ELB do, in this process and without any network."""

import json
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from kubectl_skoop.api import InfraFile, InputError, NoVerdict
from kubectl_skoop.providers.aws import answers
from kubectl_skoop.providers.aws.ask import ask
from kubectl_skoop.providers.aws.shim import shim as shim_of
from tests.providers.aws.asking import TO_SECOND
from tests.providers.aws.transit import transit
from tests.providers.aws.vpc import NEW, node

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")
"""What the SDK and its double use of newer Pythons is not ours to mend."""

KEY, SECRET = "AKIAFAKEFAKEFAKEFAKE", "fakefakefakefakefakefakefakefakefakefake"
REGION = "eu-west-1"
POLICY = Path(__file__).parents[3] / "docs" / "rbac" / "aws-policy.json"


@pytest.fixture(scope="module")
def account() -> Iterator[dict[str, Any]]:
    """A VPC with an instance and a load balancer in it, and one beside it. Tests only read it."""
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_ACCESS_KEY_ID", KEY)
        patch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
        patch.delenv("AWS_PROFILE", raising=False)
        ec2, elb = boto3.client("ec2", REGION), boto3.client("elbv2", REGION)
        vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
        other = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.1.0/24")["Subnet"]["SubnetId"]
        ec2.create_subnet(VpcId=other, CidrBlock="10.9.1.0/24")
        image = ec2.describe_images()["Images"][0]["ImageId"]
        run = ec2.run_instances(ImageId=image, MinCount=1, MaxCount=1, SubnetId=subnet, UserData="hush")
        instance = run["Instances"][0]["InstanceId"]
        balancer = elb.create_load_balancer(Name="web", Subnets=[subnet], Type="network")["LoadBalancers"][0]
        group = elb.create_target_group(
            Name="nodes", Protocol="TCP", Port=30080, VpcId=vpc, TargetType="instance"
        )["TargetGroups"][0]["TargetGroupArn"]
        elb.register_targets(TargetGroupArn=group, Targets=[{"Id": instance, "Port": 30080}])
        elb.create_listener(
            LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="TCP", Port=80,
            DefaultActions=[{"Type": "forward", "TargetGroupArn": group}],
        )  # fmt: skip
        gateway = ec2.create_transit_gateway()["TransitGateway"]
        only = {"TransitGatewayId": gateway["TransitGatewayId"]}
        attachment = ec2.create_transit_gateway_vpc_attachment(**only, VpcId=vpc, SubnetIds=[subnet])[
            "TransitGatewayVpcAttachment"
        ]["TransitGatewayAttachmentId"]
        where = {"TransitGatewayRouteTableId": gateway["Options"]["AssociationDefaultRouteTableId"]}
        here = {"TransitGatewayAttachmentId": attachment}
        ec2.enable_transit_gateway_route_table_propagation(**where, **here)
        ec2.create_transit_gateway_route(**where, **here, DestinationCidrBlock="10.9.0.0/16")
        ec2.create_transit_gateway_route(**where, Blackhole=True, DestinationCidrBlock="10.8.0.0/16")
        ec2.create_transit_gateway_route_table(**only)
        ec2.create_transit_gateway()
        yield {
            "ec2": ec2,
            "vpc": vpc,
            "subnet": subnet,
            "instance": instance,
            "group": group,
            **where,
            **here,
        }


def test_the_vpc_of_the_nodes_is_gathered_and_no_other(account: dict[str, Any]) -> None:
    others = [f"i-{number:017x}" for number in range(250)]
    made: Any = ask([*others, account["instance"], "fargate-ip-10-0-1-9"], REGION, "")
    found = made["resources"]
    assert made["gaps"] == {}
    assert [one["VpcId"] for one in found["Vpcs"]] == [account["vpc"]]
    assert [one["SubnetId"] for one in found["Subnets"]] == [account["subnet"]]
    assert [one["InstanceId"] for one in found["Instances"]] == [account["instance"]]
    assert {one["VpcId"] for one in found["NetworkInterfaces"]} == {account["vpc"]}
    assert found["RouteTables"][0]["Routes"][0]["GatewayId"] == "local"
    assert found["NetworkAcls"][0]["Entries"]
    assert found["SecurityGroups"][0]["IpPermissionsEgress"]
    assert found["LoadBalancers"][0]["LoadBalancerName"] == "web"
    assert found["Listeners"][0]["Port"] == 80
    (health,) = found["TargetHealth"]
    assert health["TargetGroupArn"] == account["group"]
    assert health["TargetHealthDescriptions"][0]["Target"] == {"Id": account["instance"], "Port": 30080}


def test_of_transit_gateways_those_of_the_vpc_are_gathered_with_the_tables_of_its_attachments(
    account: dict[str, Any],
) -> None:
    made: Any = ask([account["instance"]], REGION, "")
    found = made["resources"]
    (attached,) = found["TransitGatewayVpcAttachments"]
    (associated,) = found["TransitGatewayAttachments"]
    (gateway,) = found["TransitGateways"]
    (table,) = found["TransitGatewayRouteTables"]
    (routes,) = found["TransitGatewayRoutes"]
    (propagations,) = found["TransitGatewayPropagations"]
    own, key = account["TransitGatewayAttachmentId"], account["TransitGatewayRouteTableId"]
    assert (attached["TransitGatewayAttachmentId"], attached["SubnetIds"]) == (own, [account["subnet"]])
    assert attached["TransitGatewayId"] == gateway["TransitGatewayId"]
    assert associated["Association"] == {"TransitGatewayRouteTableId": key, "State": "associated"}
    assert table["TransitGatewayRouteTableId"] == key
    assert routes["TransitGatewayRouteTableId"] == key
    assert {(one["DestinationCidrBlock"], one["State"]) for one in routes["Routes"]} == {
        ("10.9.0.0/16", "active"),
        ("10.8.0.0/16", "blackhole"),
    }
    (heard,) = propagations["TransitGatewayRouteTablePropagations"]
    assert (heard["TransitGatewayAttachmentId"], heard["State"]) == (own, "enabled")


def test_no_key_and_no_user_data_is_in_it(account: dict[str, Any]) -> None:
    text = json.dumps(ask([account["instance"]], REGION, ""))
    for word in (KEY, SECRET, "hush"):
        assert word not in text


def test_no_secret_is_in_a_log_and_nothing_is_printed(
    account: dict[str, Any], caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    ask([account["instance"]], REGION, "")
    assert "DescribeInstances" in caplog.text, "the SDK tells what it does"
    assert SECRET not in caplog.text
    assert capfd.readouterr() == ("", "")


def test_live_and_files_give_the_same(account: dict[str, Any]) -> None:
    """What the command line prints has the shape of what the SDK returns."""
    live: Any = ask([account["instance"]], REGION, "")
    ec2 = account["ec2"]
    only = [{"Name": "vpc-id", "Values": [account["vpc"]]}]
    printed = [
        ec2.describe_subnets(Filters=only),
        ec2.describe_security_groups(Filters=only),
        ec2.describe_network_interfaces(Filters=only),
        ec2.describe_network_acls(Filters=only),
        ec2.describe_route_tables(Filters=only),
        ec2.describe_instances(InstanceIds=[account["instance"]]),
    ]
    files = [InfraFile("x", json.dumps(one, default=str).encode()) for one in printed]
    read: Any = answers.read(files)
    for kind, items in read["resources"].items():
        assert items == live["resources"][kind], kind


def intercept(patch: pytest.MonkeyPatch, answer: Callable[[str], object]) -> None:
    """What `answer` has for an operation is answered; the double answers where it has nothing."""
    from botocore.client import BaseClient

    whole = BaseClient._make_api_call

    def call(self: Any, operation: str, arguments: Any) -> Any:
        return answer(operation) or whole(self, operation, arguments)

    patch.setattr(BaseClient, "_make_api_call", call)


def refuse(patch: pytest.MonkeyPatch, refused: str) -> None:
    from botocore.exceptions import ClientError

    def answer(operation: str) -> None:
        if operation == refused:
            error = {"Error": {"Code": "UnauthorizedOperation", "Message": f"signed with {SECRET}"}}
            raise ClientError(error, operation)

    intercept(patch, answer)


def test_what_may_not_be_asked_is_a_gap_with_the_reason(
    account: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse(monkeypatch, "DescribeNetworkAcls")
    made: Any = ask([account["instance"]], REGION, "")
    assert made["gaps"] == {"NetworkAcls": "DescribeNetworkAcls was answered with UnauthorizedOperation"}
    assert made["resources"]["NetworkAcls"] == []


@pytest.mark.parametrize(
    "operation",
    [
        "DescribeTransitGateways",
        "DescribeTransitGatewayAttachments",
        "DescribeTransitGatewayVpcAttachments",
        "SearchTransitGatewayRoutes",
    ],
)
def test_a_right_that_lacks_is_named_where_a_packet_meets_a_transit_gateway(
    account: dict[str, Any], monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    refuse(monkeypatch, operation)
    gaps: Any = ask([account["instance"]], REGION, "")["gaps"]
    (kind, reason) = next(iter(gaps.items()))
    assert gaps == {kind: f"{operation} was answered with UnauthorizedOperation"}
    vpc = shim_of(lambda: {"resources": {**transit(), kind: []}, "gaps": gaps})
    (finding,) = vpc.node_to_node(node("n1"), "eth0", node("n2"), TO_SECOND, NEW)
    assert finding.effect == "unknown"
    assert reason in finding.message


def test_the_policy_of_the_docs_has_each_call_and_no_other(
    account: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    called: set[str] = set()
    intercept(monkeypatch, called.add)
    ask([account["instance"]], REGION, "")
    (statement,) = json.loads(POLICY.read_text("utf-8"))["Statement"]
    of_an_alb = "DescribeRules"
    assert [action.partition(":")[2] for action in statement["Action"]] == sorted({*called, of_an_alb})
    assert {action.partition(":")[0] for action in statement["Action"]} == {"ec2", "elasticloadbalancing"}


PAGES = [
    {
        "Routes": [{"DestinationCidrBlock": f"10.{number}.0.0/16"} for number in range(200)],
        "NextToken": "2",
        "AdditionalRoutesAvailable": True,
    },
    {"Routes": [{"DestinationCidrBlock": "10.200.0.0/16"}], "AdditionalRoutesAvailable": False},
]
"""In the shape of the API's documentation: the double does not page these."""


def test_routes_of_a_transit_gateway_come_in_pages(
    account: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = iter(PAGES)
    intercept(
        monkeypatch, lambda operation: next(pages) if operation == "SearchTransitGatewayRoutes" else None
    )
    made: Any = ask([account["instance"]], REGION, "")
    (table,) = made["resources"]["TransitGatewayRoutes"]
    assert len(table["Routes"]) == 201
    assert table["AdditionalRoutesAvailable"] is False


def test_an_account_without_the_nodes_is_no_verdict(account: dict[str, Any]) -> None:
    with pytest.raises(NoVerdict, match="none of the nodes' instances is in this region and account"):
        ask(["i-00000000000000000"], REGION, "")


def test_a_profile_that_does_not_exist_is_an_error(account: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="--aws-profile nobody: there is no such profile"):
        ask([account["instance"]], REGION, "nobody")


def test_without_a_region_the_option_is_named(
    account: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with pytest.raises(NoVerdict, match="NoRegionError"):
        ask([account["instance"]], "", "")


def test_without_the_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(NoVerdict) as raised:
        ask([], REGION, "")
    assert str(raised.value) == "boto3 is not installed"
    assert "pip install 'kubectl-skoop[aws]'" in raised.value.hint
