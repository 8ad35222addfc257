"""What the AWS VPC CNI wants, from a node's state, with and without the word of EC2."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address as IP
from ipaddress import IPv4Network
from typing import Any, NamedTuple

import pytest

from kubectl_skoop.api import Device, Expectation, NetworkNamespace, Place
from kubectl_skoop.diagnosis.extension.detected import detected
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.netstack.routing.types import Nexthop, PolicyRule, Route
from kubectl_skoop.plugins.eni import Told as ToldInterface
from kubectl_skoop.plugins.eni import owners_of
from kubectl_skoop.testing.aws_vpc_cni import AwsLab
from kubectl_skoop.testing.objects import Object

ROUTER = IP("10.244.1.1")


def default(device: int, table: int) -> Route:
    return Route(
        destination=IPv4Network("0.0.0.0/0"), table=table, nexthops=(Nexthop(device=device, gateway=ROUTER),)
    )


def state(*, second: str = "10.244.1.11", table_rule: bool = True) -> dict[str, NetworkNamespace]:
    """n1 with eth0 and eth1, and pod a."""
    node = NetworkNamespace(
        id="n1/4:1",
        place=Place("node", "n1"),
        node="n1",
        devices={
            2: Device(index=2, name="eth0", mac="02:00:00:00:00:01"),
            3: Device(index=3, name="eth1", mac="02:00:00:00:01:01"),
        },
        addresses=(
            InterfaceAddress(device=2, address=IP("10.244.1.10"), prefix=24),
            InterfaceAddress(device=3, address=IP(second), prefix=24),
        ),
        routes=(default(2, 254), default(3, 2)),
        rules=(PolicyRule(priority=32765, family=4, source=IPv4Network(second), table=2),) * table_rule,
    )
    pod = NetworkNamespace(
        id="n1/4:2",
        place=Place("pod", "default/a"),
        node="n1",
        devices={2: Device(index=2, name="eth0", kind="veth", mac="0a:00:00:00:00:01", mtu=1500)},
    )
    return {"node/n1": node, "pod/default/a": pod}


class Told(NamedTuple):
    """By the lab, which is not built."""

    objects: list[Object]
    clouds: dict[str, Mapping[str, object]]


@cache
def told() -> Told:
    with closing(AwsLab()) as lab:
        cloud = lab.infra()
        assert cloud is not None
        return Told(lab.objects(), dict([cloud]))


def wants(
    make_context: Any,
    *,
    options: Options | None = None,
    cloud: bool = True,
    node: NetworkNamespace | None = None,
    **more: Any,
) -> list[str]:
    """`node`: n1 in place of the usual one."""
    clouds = told().clouds if cloud else {}
    shown = state(**more) | ({"node/n1": node} if node is not None else {})
    ctx = make_context(told().objects, shown, options=options, clouds=clouds)
    found = set_up(ctx).plugin.create_node(ctx.cluster.node("n1")).always()
    return [wish.want for wish in found if isinstance(wish, Expectation)]


FROM_A = "from 10.244.1.2 lookup 2"


def test_a_node_wants_rules_and_routes_of_its_interfaces_and_pods(make_context: Any) -> None:
    found = wants(make_context)
    assert found == [
        "net.ipv4.ip_forward = 1",
        "eth0 mtu at least 1500 arp on up with a carrier",
        "net.ipv4.conf.eth0.forwarding = 1",
        "net.ipv4.conf.eth0.rp_filter = 2 or 0",
        "eth1 mtu at least 1500 arp on up with a carrier",
        "net.ipv4.conf.eth1.forwarding = 1",
        "default via 10.244.1.1 dev eth1 table 2 onlink",
        "eniacd53aa4120 veth mtu 1500 arp on up with a carrier",
        "net.ipv4.conf.eniacd53aa4120.forwarding = 1",
        "10.244.1.2/32 dev eniacd53aa4120 scope link",
        "512: from all to 10.244.1.2 lookup main",
        f"1536: {FROM_A}",
        "1024: from all fwmark 0x80/0x80 lookup main",
    ]


def test_without_the_word_of_ec2_two_interfaces_in_one_subnet_leave_it_open(make_context: Any) -> None:
    assert not [want for want in wants(make_context, cloud=False) if FROM_A in want]


def test_with_custom_networking_no_pod_has_an_address_of_the_uplink(make_context: Any) -> None:
    given = Options(plugin={"aws-vpc-cni-custom-network": "on"})
    assert [want for want in wants(make_context, cloud=False, options=given) if FROM_A in want]


def test_with_custom_networking_the_uplink_does_not_make_it_open_whose_an_address_is(
    make_context: Any,
) -> None:
    """Though a third interface is in another subnet."""
    node = state()["node/n1"]
    third = IP("10.9.0.11")
    both = replace(
        node,
        devices={**node.devices, 4: Device(index=4, name="eth2", mac="02:00:00:00:01:02")},
        addresses=(*node.addresses, InterfaceAddress(device=4, address=third, prefix=24)),
        routes=(*node.routes, default(4, 3)),
        rules=(*node.rules, PolicyRule(priority=32765, family=4, source=IPv4Network(third), table=3)),
    )
    for plugin, told in (({}, False), ({"aws-vpc-cni-custom-network": "on"}, True)):
        found = wants(make_context, cloud=False, options=Options(plugin=plugin), node=both)
        assert any(FROM_A in want for want in found) == told


def test_an_interface_in_another_subnet_has_the_addresses_of_it(make_context: Any) -> None:
    found = wants(make_context, cloud=False, second="10.9.0.11")
    assert not [want for want in found if FROM_A in want]
    assert "default via 10.9.0.1 dev eth1 table 2 onlink" in found


def test_an_interface_that_no_rule_leads_to_is_not_ipamd_s(make_context: Any) -> None:
    assert not [want for want in wants(make_context, table_rule=False) if "eth1" in want]


@pytest.mark.parametrize(
    ("option", "value", "gone"),
    [("veth-prefix", "pod", "eniacd53aa4120"), ("external-snat", "true", ""), ("node-ports", "false", "")],
)
def test_options_say_what_the_agent_was_told(make_context: Any, option: str, value: str, gone: str) -> None:
    found = wants(make_context, options=Options(plugin={f"aws-vpc-cni-{option}": value}))
    assert not gone or not [want for want in found if gone in want]
    assert [want for want in found if "fwmark" in want]


def test_nothing_is_marked_without_node_ports_and_translation(make_context: Any) -> None:
    given = {"aws-vpc-cni-external-snat": "true", "aws-vpc-cni-node-ports": "false"}
    assert not [want for want in wants(make_context, options=Options(plugin=given)) if "fwmark" in want]


def test_what_is_detected(make_context: Any) -> None:
    config = {
        "apiVersion": "crd.k8s.amazonaws.com/v1alpha1",
        "kind": "ENIConfig",
        "metadata": {"name": "eu-west-1a"},
    }
    ctx = make_context([*told().objects, config], clouds=told().clouds)
    found = {one.name: one for one in detected(ctx)}
    assert found["network plugin"].value == "aws-vpc-cni"
    assert found["aws-vpc-cni: prefixes"].value == "off"


def test_rules_of_ipamd_tell_it_without_objects(make_context: Any) -> None:
    fact = set_up(make_context([], state())).facts[0]
    assert (fact.value, fact.source) == ("aws-vpc-cni", "rules of priority 32765 on node/n1")


def test_an_address_of_a_prefix_is_its_interface_s() -> None:
    told = [
        ToldInterface(mac="02:00:00:00:00:AA", addresses=["10.244.1.11"], prefixes=["10.244.1.16/28", ""]),
        ToldInterface(mac="02:00:00:00:00:bb", addresses=["10.244.1.10"], prefixes=[]),
    ]
    owners = owners_of(told)
    assert len(owners) == 18
    assert owners["10.244.1.31"] == owners["10.244.1.11"] == "02:00:00:00:00:aa"
    assert owners["10.244.1.10"] == "02:00:00:00:00:bb"


@pytest.mark.parametrize(
    ("option", "value", "name", "usual"),
    [
        ("custom-network", "on", "custom networking", "off"),
        ("security-groups", "strict", "security groups for pods", "off"),
    ],
)
def test_what_was_detected_can_be_overridden(
    make_context: Any, option: str, value: str, name: str, usual: str
) -> None:
    option = f"aws-vpc-cni-{option}"
    for plugin, shown in (({}, usual), ({option: value}, value)):
        ctx = make_context(told().objects, state(), options=Options(plugin=plugin))
        found = {one.name: one for one in detected(ctx)}[f"aws-vpc-cni: {name}"]
        assert (found.value, found.option) == (shown, option)
        assert (found.source == f"--{option}") == bool(plugin)
