"""The AWS VPC CNI's pods with security groups of their own, by hand: what is found with EC2 and without.

Their labs run in the guest: `tests/kernel/guest/test_aws_branch.py`.
"""

from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from functools import cache
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from kubectl_skoop.api import Device, Expectation
from kubectl_skoop.diagnosis.extension.registry import set_up
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.netstack.device import Vlan
from kubectl_skoop.netstack.neighbours.neighbour_types import Neighbour
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
    found,
    namespace,
    route,
    sysctls,
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


def state() -> State:
    """n1 in standard mode, with eth0 and a trunk eth1; pod a on VLAN 4."""
    host = f"eni{DIGEST}"
    veth = Device(index=5, name=host, kind="veth", mac=HOST_MAC, link=2, link_netns="n1/4:pod")
    own = IPv4Network(f"{POD_ADDRESS}/32")
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
            route(f"{POD_ADDRESS}/32", 5),
        ),
        rules=(
            PolicyRule(priority=1024, family=4, mark=0x80, mask=0x80, table=254),
            PolicyRule(priority=512, family=4, destination=own, table=254),
            PolicyRule(priority=1536, family=4, source=own, table=TABLE),
        ),
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


UNASKED = {
    "no default route by the VLAN": Case(
        NODE, without_route(EVERYWHERE, TABLE), "aws-vpc-cni.route.missing", "the default route in table 104"
    ),
    "no route to the gateway": Case(
        NODE,
        without_route(f"{ROUTER}/32", TABLE),
        "aws-vpc-cni.route.missing",
        "10.244.1.1/32 in table 104",
    ),
}


@pytest.mark.parametrize("case", UNASKED.values(), ids=UNASKED)
def test_without_ec2_one_of_the_two_routes_tells_the_gateway(make_context: Any, case: Case) -> None:
    check(make_context, objects(), state(), case)


def test_ec2_tells_the_branch_of_a_pod_without_any_rule(make_context: Any) -> None:
    branch = {
        "MacAddress": MAC,
        "PrivateIpAddresses": [{"PrivateIpAddress": str(POD_ADDRESS)}],
        "Ipv4Prefixes": [],
    }
    clouds: Mapping[str, Any] = {"aws": {"resources": {"NetworkInterfaces": [branch]}, "gaps": {}}}
    made = state()
    made[NODE] = without_rule(priority=1536)(made[NODE])
    told = found(make_context(objects(), made, clouds=clouds))
    assert any("aws-vpc-cni.rule.missing" in one and "from 10.244.1.2 lookup 104" in one for one in told)
    assert not any("from 10.244.1.2" in one for one in found(make_context(objects(), made)))


OF_VLAN = f"from all iif {VLAN} lookup {TABLE}"
MODES = {"": (False, True), "off": (False, False), "standard": (False, True), "strict": (True, False)}


@pytest.mark.parametrize(("mode", "wanted"), MODES.items(), ids=lambda each: str(each))
def test_the_mode_of_security_groups_can_be_overridden(
    make_context: Any, mode: str, wanted: tuple[bool, bool]
) -> None:
    plugin = {"aws-vpc-cni-security-groups": mode} if mode else {}
    ctx = make_context(objects(), state(), options=Options(plugin=plugin))
    found = set_up(ctx).plugin.create_node(ctx.cluster.node("n1")).always()
    wants = [wish.want for wish in found if isinstance(wish, Expectation)]
    by_address = f"from {POD_ADDRESS} lookup {TABLE}"
    assert tuple(any(text in want for want in wants) for text in (OF_VLAN, by_address)) == wanted
