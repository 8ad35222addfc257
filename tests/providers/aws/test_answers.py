"""Files that `aws` printed: what is kept of them, and what is refused, in one line that names the file."""

import json
from typing import Any

import pytest

from kubectl_skoop.api import InfraFile, InputError
from kubectl_skoop.providers.aws import answers
from tests.providers.aws.vpc import healthy


def read(*contents: object) -> Any:
    texts = [one if isinstance(one, str | bytes) else json.dumps(one) for one in contents]
    files = [
        InfraFile(f"{number}.json", one if isinstance(one, bytes) else one.encode())
        for number, one in enumerate(texts, 1)
    ]
    return answers.read(files)


BAD = {
    "empty": ("", "1.json: is empty"),
    "no JSON": ("Unable to locate credentials", "1.json: line 1, column 1: Expecting value"),
    "cut off": (
        '{"Vpcs": [',
        "1.json: line 1, column 11: Expecting value, and the file ends there: it is cut off",
    ),
    "no text": (b"\x1f\x8b\x08", "1.json: is no UTF-8 text"),
    "nested": ("[" * 100_000, "1.json: is nested too deep"),
    "an answer of Alibaba Cloud": (
        {"RequestId": "1", "Vpcs": {"Vpc": []}},
        "is no answer of EC2 or ELB: it has a RequestId, as Alibaba Cloud's have",
    ),
    "a list": ("[]", "is no answer of EC2 or ELB: not a JSON object"),
    "something else": ({"items": []}, "is no answer that is known; it has items"),
    "no list": ({"Vpcs": {}}, "Vpcs is no list of objects"),
    "a list of texts": ({"Vpcs": ["vpc-1"]}, "Vpcs is no list of objects"),
    "no id": ({"Vpcs": [{"CidrBlock": "10.0.0.0/16"}]}, "an entry of Vpcs has no VpcId"),
    "a field of another type": (
        {"Subnets": [{"SubnetId": {"S": "subnet-1"}}]},
        "Subnets.SubnetId is dict, which the API does not answer",
    ),
    "a map where a list belongs": (
        {"SecurityGroups": [{"GroupId": "sg-1", "IpPermissions": {"IpProtocol": "-1"}}]},
        "SecurityGroups.IpPermissions is dict",
    ),
    "entries of nobody knows which list": (
        {"Entries": [{"Cidr": "10.0.0.0/8"}]},
        "do not say of which PrefixListId",
    ),
    "health of nobody knows which group": (
        {"TargetHealthDescriptions": []},
        "do not say of which TargetGroupArn",
    ),
}


@pytest.mark.parametrize(("content", "message"), BAD.values(), ids=BAD)
def test_a_bad_file_is_one_line_with_its_name(content: object, message: str) -> None:
    with pytest.raises(InputError) as raised:
        read(content)
    assert str(raised.value).startswith("1.json: ")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


def test_secrets_and_other_fields_are_not_kept() -> None:
    vpn = {
        "VpnConnectionId": "vpn-1",
        "CustomerGatewayConfiguration": "<pre_shared_key>hush</pre_shared_key>",
    }
    instance = {
        "InstanceId": "i-1",
        "VpcId": "vpc-1",
        "KeyName": "hush",
        "UserData": "hush",
        "Tags": [{"Key": "Name", "Value": "n1"}, {"Key": "password", "Value": "hush"}],
    }
    kept = read({"Reservations": [{"OwnerId": "hush", "Instances": [instance]}], "VpnConnections": [vpn]})
    assert "hush" not in json.dumps(kept)
    assert kept["resources"]["Instances"] == [
        {"InstanceId": "i-1", "VpcId": "vpc-1", "Tags": [{"Key": "Name", "Value": "n1"}]}
    ]


def test_answers_add_up_whatever_their_order() -> None:
    whole = healthy()
    parts = [{kind: items[:1]} for kind, items in whole.items()] + [
        {kind: items[1:]} for kind, items in whole.items()
    ]
    assert read(*parts) == read(whole)
    assert read("".join(json.dumps(part) for part in parts)) == read(whole)
    lists = {"PrefixListId": "pl-1", "Entries": [{"Cidr": "10.0.0.0/8"}]}
    assert read({"PrefixLists": [{"PrefixListId": "pl-1", "PrefixListName": "office"}]}, lists)[
        "resources"
    ] == {
        "PrefixLists": [
            {"PrefixListId": "pl-1", "PrefixListName": "office", "Entries": [{"Cidr": "10.0.0.0/8"}]}
        ]
    }


@pytest.mark.parametrize("mark", ["NextToken", "NextMarker"])
def test_an_answer_that_lacks_a_page_is_a_gap(mark: str) -> None:
    assert read({"Vpcs": [], mark: "more"})["gaps"] == {"Vpcs": "1.json lacks the pages after its first"}
