"""Asking the cloud with its SDK: of a server on this machine that answers as the API does, page by page."""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from alibabacloud_credentials.utils import auth_util

from kubectl_skoop.api import NoVerdict
from kubectl_skoop.cli.infra import Cloud
from kubectl_skoop.cluster.allow import BUILT_IN
from kubectl_skoop.collect.live.api import PAGE, Api
from kubectl_skoop.collect.live.kubeconfig import Access
from kubectl_skoop.collect.live.manifest import CollectorOptions
from kubectl_skoop.collect.live.run import Run
from kubectl_skoop.collect.live.source import live
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.providers.aliyun import client
from kubectl_skoop.providers.aliyun.ask import ask
from kubectl_skoop.providers.aliyun.client import Call, Keys, Parameters, caller, endpoint
from kubectl_skoop.providers.aliyun.provider import Config
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.snapshot.source import open_snapshot
from tests.cli.run import shell, skoop
from tests.collect.live.server import serving
from tests.collect.live.test_cloud import EMPTY
from tests.providers.aliyun.balanced import answers, balanced, listed
from tests.providers.aliyun.stand_in import LISTS, SINGLE, StandIn, standing_in
from tests.providers.aliyun.test_flows import assembled
from tests.providers.aliyun.vpc import VPC, Answers, group, healthy, rule, section

KEY, SECRET, TOKEN = "LTAIFAKEFAKEFAKE", "fakefakefakefakefakefakefakefa", "token-token-token"
REGION = "eu-central-1"
POLICY = Path(__file__).parents[3] / "docs" / "rbac" / "aliyun-policy.json"
NODES = ("i-n1", "i-n2", "i-n3")


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Has no key of his own, and does not ask a machine's metadata for one."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("access_key_id", "access_key_secret", "security_token", "credentials_uri"):
        monkeypatch.setattr(auth_util, f"environment_{name}", None)
    monkeypatch.setattr(auth_util, "environment_ecs_metadata_disabled", "true")


def directed(stand_in: StandIn) -> AbstractContextManager[object]:
    """Whoever asks the cloud asks the server on this machine."""
    return patch.multiple(client, endpoint=lambda product, region: stand_in.address, PROTOCOL="HTTP")


def asking(stand_in: StandIn, keys: Keys = Keys(KEY, SECRET)) -> Call:  # noqa: B008
    with directed(stand_in):
        return caller(REGION, keys)


def everything() -> Answers:
    """Of each kind something: lists of access, prefixes and networks, an IPv4 gateway, an elastic address."""
    loaded = listed(balanced(), "white", *(f"192.0.2.{number}/32" for number in range(120)))
    found = answers(loaded)
    found["groups"].append(group("sg-more", rule("pl-office"), rule("10.0.0.0/8"), rule("sg-nodes")))
    found["SecurityGroups"]["SecurityGroup"].append({"SecurityGroupId": "sg-more", "VpcId": VPC})
    found["lists"] = [{"PrefixListId": "pl-office", "Entries": {"Entry": [{"Cidr": "192.0.2.0/24"}]}}]
    acl = {"NetworkAclId": "nacl-1", "VpcId": VPC, "IngressAclEntries": {"IngressAclEntry": []}}
    found["NetworkAcls"] = {"NetworkAcl": [acl]}
    found["Ipv4GatewayModels"] = [{"Ipv4GatewayId": "ipv4gw-1", "VpcId": VPC, "Enabled": True}]
    found["EipAddresses"] = {"EipAddress": [{"AllocationId": "eip-1", "IpAddress": "198.51.100.90"}]}
    return found


@pytest.fixture(scope="module")
def cloud() -> Iterator[StandIn]:
    with standing_in(everything()) as stand_in:
        yield stand_in


def test_live_and_files_give_the_same(cloud: StandIn) -> None:
    """Whatever the pages; of load balancers the answers have one kind more, which no file here has."""
    made: Any = ask(asking(cloud), NODES)
    printed: Any = section(everything())
    assert made["gaps"] == {}
    assert {kind: len(items) for kind, items in made["resources"].items() if kind != "DefaultServers"} == {
        kind: len(items) for kind, items in printed["resources"].items()
    }
    for kind, items in printed["resources"].items():
        assert made["resources"][kind] == items, kind


def test_each_operation_is_asked(cloud: StandIn) -> None:
    ask(asking(cloud), NODES)
    assert set(cloud.heard) == {*SINGLE, *LISTS}


def test_the_policy_of_the_docs_has_each_operation_and_no_other(cloud: StandIn) -> None:
    call, asked = asking(cloud), set[str]()

    def noted(product: str, operation: str, parameters: Parameters) -> Item:
        asked.add(f"{product}:{operation}")
        return call(product, operation, parameters)

    ask(noted, NODES)
    (statement,) = json.loads(POLICY.read_text("utf-8"))["Statement"]
    assert statement == {"Effect": "Allow", "Action": sorted(asked), "Resource": "*"}


def test_other_vpcs_are_left_out() -> None:
    found = everything()
    far = {"LoadBalancerId": "lb-far", "Address": "10.9.9.9", "AddressType": "intranet", "VpcId": "vpc-9"}
    found["groups"].append({"LoadBalancers": {"LoadBalancer": [far]}})
    found["Vpcs"]["Vpc"].append({"VpcId": "vpc-9", "CidrBlock": "10.9.0.0/16"})
    with standing_in(found) as stand_in:
        made: Any = ask(asking(stand_in), [*NODES, *(f"i-{number:020}" for number in range(250))])
    assert [one["VpcId"] for one in made["resources"]["Vpcs"]] == [VPC]
    assert [one["LoadBalancerId"] for one in made["resources"]["LoadBalancers"]] == ["lb-1"]


REFUSED = {
    "routes": ("DescribeRouteEntryList", {"RouteEntries"}),
    "groups, and so their rules": (
        "DescribeSecurityGroups",
        {"SecurityGroups", "SecurityGroupRules", "PrefixLists"},
    ),
    "network load balancers, and so what they listen to": (
        "ListLoadBalancers",
        {"NetworkBalancers", "NetworkListeners", "NetworkHealthStatus"},
    ),
}


@pytest.mark.parametrize(("operation", "kinds"), REFUSED.values(), ids=REFUSED)
def test_what_may_not_be_asked_is_a_gap_with_the_reason(operation: str, kinds: set[str]) -> None:
    with standing_in(everything()) as stand_in:
        stand_in.refused.add(operation)
        made: Any = ask(asking(stand_in), NODES)
    assert made["gaps"] == dict.fromkeys(sorted(kinds), f"{operation} was answered with Forbidden.RAM")


def test_a_cloud_that_is_not_there_is_no_verdict() -> None:
    with standing_in(healthy()) as stand_in:
        gone = stand_in
    with pytest.raises(NoVerdict, match="asked in vain: DescribeInstances failed: RetryError"):
        ask(asking(gone), NODES)


def test_an_account_without_the_nodes_is_no_verdict(cloud: StandIn) -> None:
    with pytest.raises(NoVerdict, match="none of the nodes' instances is in this region and account"):
        ask(asking(cloud), ["i-other"])


def test_without_credentials_nothing_is_asked() -> None:
    with pytest.raises(NoVerdict, match="no credentials") as raised:
        caller(REGION)
    assert "aliyun configure" in raised.value.hint


def test_without_the_sdk_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "alibabacloud_credentials.client", None)
    with pytest.raises(NoVerdict) as raised:
        caller(REGION)
    assert str(raised.value) == "the SDK of Alibaba Cloud is not installed"
    assert "pip install 'kubectl-skoop[aliyun]'" in raised.value.hint


@pytest.mark.parametrize(
    ("product", "region", "host"),
    [
        ("ecs", "cn-hangzhou", "ecs-cn-hangzhou.aliyuncs.com"),
        ("ecs", "eu-central-1", "ecs.eu-central-1.aliyuncs.com"),
        ("vpc", "cn-hangzhou", "vpc.aliyuncs.com"),
        ("slb", "ap-southeast-1", "slb.aliyuncs.com"),
        ("nlb", "cn-hangzhou", "nlb.cn-hangzhou.aliyuncs.com"),
    ],
)
def test_a_region_has_its_endpoint(product: str, region: str, host: str) -> None:
    assert endpoint(product, region) == host


TYPED = {
    "aliyun-access-key-id": KEY,
    "aliyun-access-key-secret": SECRET,
    "aliyun-security-token": TOKEN,
}
WAYS = {
    "options": (TYPED, {}),
    "the SDK's variables": (
        {},
        {"access_key_id": KEY, "access_key_secret": SECRET, "security_token": TOKEN},
    ),
}
"""What is typed, and ALIBABA_CLOUD_…, which the SDK reads when it is imported."""


@pytest.mark.parametrize("refused", [False, True], ids=["answered", "refused"])
@pytest.mark.parametrize(("typed", "environment"), WAYS.values(), ids=WAYS)
def test_no_key_is_in_a_snapshot_or_a_log(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    typed: Mapping[str, str],
    environment: Mapping[str, str],
    refused: bool,
) -> None:
    """Of a live cluster, with the variable that makes the SDK print what it sends."""
    monkeypatch.setenv("DEBUG", "sdk")
    for name, value in environment.items():
        monkeypatch.setattr(auth_util, f"environment_{name}", value)
    caplog.set_level(logging.DEBUG)
    nodes = [
        {"metadata": {"name": name}, "spec": {"providerID": f"{REGION}.i-{name}"}} for name in ("n1", "n2")
    ]
    api = {**EMPTY, f"GET /api/v1/nodes?limit={PAGE}": (200, {"metadata": {}, "items": nodes})}
    with standing_in(everything()) as stand_in, serving({key: [one] for key, one in api.items()}) as server:
        stand_in.refused |= {"DescribeRouteEntryList"} if refused else set()
        run = Run(
            Api(Access(kubeconfig=str(server.kubeconfig(tmp_path)))),
            CollectorOptions(image="x"),
            lambda node, text: None,
        )
        cloud = Cloud(Options(plugin=typed), ())
        with directed(stand_in), live(run, BUILT_IN, keep=tmp_path / "kept", infra=cloud.gather) as source:
            section = source.ask(lambda snapshot: snapshot.infra("aliyun"))
    assert any(f"Credential={KEY}" in text and TOKEN in text for text in stand_in.texts)
    with closing(open_snapshot(tmp_path / "kept")) as kept:
        assert kept.infra("aliyun") == section
        whole = [kept.infra("aliyun"), kept.header, [kept.objects(kind) for kind in kept.kinds()]]
    assert isinstance(section, Mapping)
    gaps = section["gaps"]
    assert isinstance(gaps, dict)
    assert ("RouteEntries" in gaps) is refused
    captured = capfd.readouterr()
    said = "".join((repr(whole), caplog.text, captured.out, captured.err))
    for word in (KEY, SECRET, TOKEN, "Signature="):
        assert word not in said


@pytest.mark.parametrize("given", ["options", "variables"])
def test_no_key_is_in_what_debug_shows(tmp_path: Path, given: str) -> None:
    """An error with its traceback, of a run that was given keys."""
    words = [word for name, value in TYPED.items() for word in (f"--{name}", value)]
    variables = {"SKOOP_" + name.upper().replace("-", "_"): value for name, value in TYPED.items()}
    flow = ("diagnose", "pod/default/a", "pod/default/nobody", "-p", "8080", "--debug")
    told = words if given == "options" else []
    ran = shell(*flow, "--snapshot", assembled(tmp_path), *told, env={} if told else variables)
    assert "Traceback" in ran.err
    for word in (SECRET, TOKEN):
        assert word not in ran.out + ran.err


CONTRADICTIONS = {
    "a key without its secret": (("--aliyun-access-key-id", KEY), "belong together"),
    "a token without a key": (("--aliyun-security-token", TOKEN), "needs --aliyun-access-key-id"),
}


@pytest.mark.parametrize(("options", "words"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_keys_that_are_not_whole_are_one_line(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    ran = skoop(
        "diagnose",
        "pod/default/a",
        "pod/default/b",
        "-p",
        "8080",
        "--snapshot",
        assembled(tmp_path),
        *options,
    )
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert TOKEN not in ran.err


def test_the_text_of_the_options_has_no_secret() -> None:
    assert SECRET not in repr(Config(access_key_id=KEY, access_key_secret=SECRET))
    assert SECRET not in repr(Keys(KEY, SECRET))
