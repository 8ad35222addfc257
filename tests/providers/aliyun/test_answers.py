"""Files that `aliyun` printed: what is kept of them, and what is refused, in one line that names the file."""

import json
from typing import Any

import pytest

from kubectl_skoop.api import InfraFile, InputError
from kubectl_skoop.providers.aliyun import answers
from tests.providers.aliyun.vpc import documents, healthy, section


def read(*contents: object) -> Any:
    texts = [one if isinstance(one, str | bytes) else json.dumps(one) for one in contents]
    files = [
        InfraFile(f"{number}.json", one if isinstance(one, bytes) else one.encode())
        for number, one in enumerate(texts, 1)
    ]
    return answers.read(files)


BAD = {
    "empty": ("", "1.json: is empty"),
    "no JSON": ("ERROR: SDK.ServerError", "1.json: line 1, column 1: Expecting value"),
    "cut off": ('{"Vpcs": {"Vpc": [', "1.json: line 1, column 19"),
    "no text": (b"\x1f\x8b\x08", "1.json: is no UTF-8 text"),
    "nested": ("[" * 100_000, "1.json: is nested too deep"),
    "an answer of AWS about load balancers": (
        {
            "LoadBalancers": [
                {"LoadBalancerArn": "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/net/web/5"}
            ]
        },
        "an entry of NetworkBalancers has no LoadBalancerId; it has no RequestId, as answers of Alibaba",
    ),
    "a list": ("[]", "is no answer of Alibaba Cloud: not a JSON object"),
    "something else": ({"Code": "Forbidden.RAM"}, "is no answer that is known; it has Code"),
    "an answer of AWS about VPCs": ({"Vpcs": []}, "Vpcs.Vpc is no list of objects"),
    "no list": ({"Vpcs": {"Vpc": {}}}, "Vpcs.Vpc is no list of objects"),
    "no id": ({"Vpcs": {"Vpc": [{"CidrBlock": "10.0.0.0/16"}]}}, "an entry of Vpcs has no VpcId"),
    "a route of no table": (
        {"RouteEntrys": {"RouteEntry": [{"DestinationCidrBlock": "10.0.0.0/16"}]}},
        "an entry of RouteEntries has no RouteTableId",
    ),
    "rules of no group": ({"Permissions": {"Permission": []}}, "has no SecurityGroupId"),
    "health of nobody knows which load balancer": (
        {"BackendServers": {"BackendServer": []}},
        "do not say of which LoadBalancerId they are",
    ),
    "a listener of no load balancer": (
        {"Listeners": [{"ListenerPort": 80}]},
        "an entry of Listeners has no LoadBalancerId",
    ),
    "a field of another type": (
        {"VSwitches": {"VSwitch": [{"VSwitchId": {"S": "vsw-1"}}]}},
        "VSwitches.VSwitchId is dict, which the API does not answer",
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
    instance = {"InstanceId": "i-1", "KeyPairName": "hush", "UserData": "hush", "Tags": {"Tag": ["hush"]}}
    eip = {"AllocationId": "eip-1", "IpAddress": "198.51.100.1", "Name": "hush"}
    kept = read({"Instances": {"Instance": [instance]}}, {"EipAddresses": {"EipAddress": [eip]}})
    assert "hush" not in json.dumps(kept)
    assert kept["resources"]["Instances"] == [{"InstanceId": "i-1"}]


def test_load_balancers_of_both_kinds_are_told_apart() -> None:
    kept = read(
        {"LoadBalancers": {"LoadBalancer": [{"LoadBalancerId": "lb-1"}]}},
        {"LoadBalancers": [{"LoadBalancerId": "nlb-1"}]},
        {"Listeners": [{"LoadBalancerId": "lb-1", "ListenerProtocol": "tcp", "ListenerPort": 80}]},
        {"Listeners": [{"LoadBalancerId": "nlb-1", "ListenerId": "lsn-1"}]},
        {"LoadBalancerId": "lb-1", "LoadBalancerStatus": "active", "BackendServers": {"BackendServer": []}},
        {"LoadBalancerId": "lb-1", "BackendServers": {"BackendServer": []}},
        {"VServerGroupId": "rsp-1", "BackendServers": {"BackendServer": []}},
    )["resources"]
    assert {kind: len(items) for kind, items in kept.items()} == {
        "DefaultServers": 1, "HealthStatus": 1, "Listeners": 1, "LoadBalancers": 1, "NetworkBalancers": 1,
        "NetworkListeners": 1, "VServerGroups": 1,
    }  # fmt: skip


def test_answers_add_up_whatever_their_order() -> None:
    assert read(*reversed(documents(healthy()).splitlines())) == section(healthy())


def test_an_answer_that_lacks_a_page_is_a_gap() -> None:
    token = {"Vpcs": {"Vpc": []}, "NextToken": "more"}
    assert read(token)["gaps"] == {"Vpcs": "1.json lacks the pages after its first"}


def test_pages_make_a_whole_when_all_of_them_are_there() -> None:
    vpcs = [{"VpcId": f"vpc-{number}"} for number in range(3)]
    first = {"TotalCount": 3, "PageNumber": 1, "PageSize": 2, "Vpcs": {"Vpc": vpcs[:2]}}
    second = {"TotalCount": 3, "PageNumber": 2, "PageSize": 2, "Vpcs": {"Vpc": vpcs[2:]}}
    assert read(first)["gaps"] == {"Vpcs": "the answers lack 1 of what they say there is"}
    assert read(first, second)["gaps"] == {}


def test_one_lists_pages_do_not_stand_for_anothers() -> None:
    def entries(table: str, total: int, seen: int) -> object:
        made = [{"SnatEntryId": f"{table}-{number}", "SnatTableId": table} for number in range(seen)]
        return {"TotalCount": total, "PageNumber": 1, "SnatTableEntries": {"SnatTableEntry": made}}

    assert read(entries("stb-1", 12, 10), entries("stb-2", 5, 5))["gaps"] == {
        "SnatTableEntries": "the answers lack 2 of what they say there is"
    }


def acl_page(number: int, size: int, total: int) -> object:
    entries = [
        {"AclEntryIP": f"192.0.2.{at}/32"} for at in range((number - 1) * 10, (number - 1) * 10 + size)
    ]
    return {"AclId": "acl-1", "AclEntrys": {"AclEntry": entries}, "TotalAclEntry": total}


def test_pages_of_one_list_of_access_add_up() -> None:
    made = read(acl_page(1, 10, 12), acl_page(2, 2, 12))
    (acl,) = made["resources"]["AccessControlLists"]
    assert len(acl["AclEntrys"]["AclEntry"]) == 12
    assert made["gaps"] == {}


def test_a_list_of_access_of_which_only_the_first_page_is_there_is_a_gap() -> None:
    """Ten entries are what the operation answers with, if it is not told otherwise."""
    assert read(acl_page(1, 10, 12))["gaps"] == {
        "AccessControlLists": "the answers lack 2 of what they say there is"
    }


def test_pages_of_one_groups_rules_add_up() -> None:
    def page(*sources: str, **more: str) -> object:
        rules = [{"Direction": "ingress", "SourceCidrIp": source} for source in sources]
        return {"SecurityGroupId": "sg-1", "Permissions": {"Permission": rules}, **more}

    made = read(page("10.0.0.0/8", "10.1.0.0/16", NextToken="more"), page("10.1.0.0/16", "10.2.0.0/16"))
    (group,) = made["resources"]["SecurityGroupRules"]
    networks = [one["SourceCidrIp"] for one in group["Permissions"]["Permission"]]
    assert networks == ["10.0.0.0/8", "10.1.0.0/16", "10.2.0.0/16"]
