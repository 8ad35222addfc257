"""The AWS VPC CNI's pods with security groups of their own: a VLAN of the trunk each, in both modes."""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from kubectl_skoop.api import Device
from kubectl_skoop.netstack.device import Vlan
from kubectl_skoop.netstack.neighbour_types import Neighbour
from kubectl_skoop.netstack.routing.types import PolicyRule
from kubectl_skoop.testing.aws_vpc_cni import AwsLab
from tests.diagnosis.vpc_pods import (
    EVERYWHERE,
    LO,
    NODE,
    NODE_ADDRESS,
    POD,
    POD_ADDRESS,
    ROUTER,
    Case,
    State,
    address,
    check,
    down,
    found,
    namespace,
    route,
    sysctls,
    without_device,
    without_route,
    without_rule,
)

DIGEST = "acd53aa4120"
GATEWAY, HOST_MAC, MAC = IPv4Address("169.254.1.1"), "0e:00:00:00:00:01", "02:00:00:00:02:01"
ID, TABLE = 4, 104
VLAN = f"vlan.eth.{ID}"


@cache
def objects() -> list[Any]:
    with closing(AwsLab()) as lab:
        return lab.objects()


def state(prefix: str) -> State:
    """n1 with eth0 and a trunk eth1; pod a on VLAN 4. `prefix` vlan: strict mode, eni: standard mode."""
    host = f"{prefix}{DIGEST}"
    veth = Device(index=5, name=host, kind="veth", mac=HOST_MAC, link=2, link_netns="n1/4:pod")
    node = namespace(
        NODE,
        [
            LO,
            Device(index=2, name="eth0", mac="02:00:00:00:00:01"),
            Device(index=3, name="eth1", mac="02:00:00:00:01:01"),
            Device(index=4, name=VLAN, kind="vlan", mac=MAC, link=3, vlan=Vlan(id=ID)),
            veth,
        ],
        addresses=(address(2, NODE_ADDRESS, 24),),
        routes=(
            route(EVERYWHERE, 2, ROUTER),
            route(f"{ROUTER}/32", 4, table=TABLE),
            route(EVERYWHERE, 4, ROUTER, TABLE),
            route(f"{POD_ADDRESS}/32", 5, table=TABLE if prefix == "vlan" else 254),
        ),
        rules=(PolicyRule(priority=1024, family=4, mark=0x80, mask=0x80, table=254), *_rules(prefix, host)),
        sysctls=sysctls("eth0", VLAN, host),
    )
    pod = namespace(
        POD,
        [LO, replace(veth, index=2, name="eth0", link=5, link_netns=node.id, mac="0a:00:00:00:00:01")],
        addresses=(address(2, POD_ADDRESS),),
        routes=(route(f"{GATEWAY}/32", 2), route(EVERYWHERE, 2, GATEWAY)),
        neighbours=(Neighbour(device=2, address=GATEWAY, mac=HOST_MAC, state=0x80),),
    )
    return {NODE: node, POD: pod}


def _rules(prefix: str, host: str) -> tuple[PolicyRule, ...]:
    if prefix == "vlan":
        by_device = (PolicyRule(priority=10, family=4, iif=name, table=TABLE) for name in (VLAN, host))
        return (*by_device, PolicyRule(priority=20, family=4, table=255))
    own = IPv4Network(f"{POD_ADDRESS}/32")
    return (
        PolicyRule(priority=512, family=4, destination=own, table=254),
        PolicyRule(priority=1536, family=4, source=own, table=TABLE),
    )


MISSING, DIFFERS = "aws-vpc-cni.{}.missing", "aws-vpc-cni.{}.differs"
BOTH = {
    "the VLAN is down": Case(NODE, down(VLAN), DIFFERS.format("device"), f"{VLAN} is down"),
    "the VLAN is gone": Case(NODE, without_device(VLAN), MISSING.format("device"), VLAN),
    "no default route by the VLAN": Case(
        NODE, without_route(EVERYWHERE, TABLE), MISSING.format("route"), "the default route in table 104"
    ),
    "no route to the gateway": Case(
        NODE, without_route(f"{ROUTER}/32", TABLE), MISSING.format("route"), "10.244.1.1/32 in table 104"
    ),
    "the VLAN's device does not forward": Case(
        NODE,
        lambda ns: replace(ns, sysctls=sysctls("eth0", "vlanacd53aa4120", "eniacd53aa4120")),
        MISSING.format("sysctl"),
        "forwarding",
    ),
}
STRICT = {
    **BOTH,
    "what comes by the VLAN is not led to its table": Case(
        NODE, without_rule(iif=VLAN), MISSING.format("rule"), f"iif {VLAN} lookup 104"
    ),
    "what the pod sends is not led to its table": Case(
        NODE, without_rule(iif=f"vlan{DIGEST}"), MISSING.format("rule"), f"iif vlan{DIGEST} lookup 104"
    ),
    "no route to the pod": Case(
        NODE, without_route(f"{POD_ADDRESS}/32", TABLE), MISSING.format("route"), "10.244.1.2/32 in table 104"
    ),
    "the node's own addresses come first": Case(
        NODE, without_rule(priority=20), MISSING.format("rule"), "from all lookup local"
    ),
    "the pod's veth is down": Case(NODE, down(f"vlan{DIGEST}"), DIFFERS.format("device"), "is down"),
}
STANDARD = {
    **BOTH,
    "no route to the pod": Case(
        NODE, without_route(f"{POD_ADDRESS}/32"), MISSING.format("route"), "10.244.1.2/32"
    ),
}


@pytest.mark.parametrize("case", STRICT.values(), ids=STRICT)
def test_a_fault_of_strict_mode_is_named(make_context: Any, case: Case) -> None:
    check(make_context, objects(), state("vlan"), case)


@pytest.mark.parametrize("case", STANDARD.values(), ids=STANDARD)
def test_a_fault_of_standard_mode_is_named(make_context: Any, case: Case) -> None:
    check(make_context, objects(), state("eni"), case)


def test_ec2_tells_the_branch_of_a_pod_without_any_rule(make_context: Any) -> None:
    branch = {
        "MacAddress": MAC,
        "PrivateIpAddresses": [{"PrivateIpAddress": str(POD_ADDRESS)}],
        "Ipv4Prefixes": [],
    }
    clouds: Mapping[str, Any] = {"aws": {"resources": {"NetworkInterfaces": [branch]}, "gaps": {}}}
    made = state("eni")
    made[NODE] = without_rule(priority=1536)(made[NODE])
    told = found(make_context(objects(), made, clouds=clouds))
    assert any("aws-vpc-cni.rule.missing" in one and "from 10.244.1.2 lookup 104" in one for one in told)
    assert not any("from 10.244.1.2" in one for one in found(make_context(objects(), made)))
