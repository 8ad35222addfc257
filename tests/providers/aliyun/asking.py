"""What is asked of a VPC, and how one thing of it is changed."""

from collections.abc import Sequence
from typing import Any

from kubectl_skoop.api import Packet, Suspicion, Tracked
from tests.providers.aliyun.vpc import (
    CLIENT,
    FAR,
    FIRST,
    NEW,
    SECOND,
    THIRD,
    Answers,
    group,
    mac,
    node,
    packet,
    shim,
)

POD, OTHER_POD = "10.244.1.2", "10.244.2.2"


def between(
    found: Answers, sent: Packet, tracked: Tracked = NEW, src: str = "n1", dst: str = "n2"
) -> Sequence[Suspicion]:
    return shim(found).node_to_node(node(src), "eth0", node(dst), sent, tracked)


def leaving(found: Answers, sent: Packet, tracked: Tracked = NEW, src: str = "n1") -> Sequence[Suspicion]:
    return shim(found).node_to_external(node(src), "eth0", sent, tracked)


def entering(found: Answers, sent: Packet, tracked: Tracked = NEW, dst: str = "n1") -> Sequence[Suspicion]:
    return shim(found).external_to_node(node(dst), sent, tracked)


def rules(found: Answers, *rules: dict[str, str], inner: str = "Accept") -> Answers:
    """In place of those of the nodes' group."""
    found["groups"] = [group("sg-nodes", *rules, inner=inner)]
    return found


def eni(found: Answers, index: int) -> dict[str, Any]:
    one: dict[str, Any] = found["NetworkInterfaceSets"]["NetworkInterfaceSet"][index]
    return one


def other_group(found: Answers, *rules: dict[str, str]) -> None:
    """The first node is of another one than the rest, which anybody may leave."""
    eni(found, 0)["SecurityGroupIds"] = {"SecurityGroupId": ["sg-other"]}
    found["groups"].append(group("sg-other", *rules))
    found["SecurityGroups"]["SecurityGroup"].append(
        {"SecurityGroupId": "sg-other", "SecurityGroupType": "normal"}
    )


def enterprise(found: Answers, *own: dict[str, str]) -> None:
    found["SecurityGroups"]["SecurityGroup"][0]["SecurityGroupType"] = "enterprise"
    rules(found, *own)


def route(found: Answers, *entries: dict[str, Any]) -> Answers:
    """In place of the one that has the same destination."""
    gone = {entry["DestinationCidrBlock"] for entry in entries}
    old = found["RouteEntrys"]["RouteEntry"]
    found["RouteEntrys"]["RouteEntry"] = [
        *(one for one in old if one["DestinationCidrBlock"] not in gone),
        *entries,
    ]
    return found


def no_route(found: Answers, destination: str) -> Answers:
    found["RouteEntrys"]["RouteEntry"] = [
        one for one in found["RouteEntrys"]["RouteEntry"] if one["DestinationCidrBlock"] != destination
    ]
    return found


def no_address(found: Answers) -> Answers:
    """The first node's elastic one is gone."""
    found["Instances"]["Instance"][0]["EipAddress"] = {"IpAddress": ""}
    return found


TO_SECOND = packet(FIRST, SECOND)


ANSWER = packet(SECOND, FIRST, 40000, sport=80)


POD_TO_POD = packet(POD, OTHER_POD, src_mac=mac(FIRST), dst_mac=mac(SECOND))


OUT = packet(FIRST, FAR, 443)


OUT_BY_NAT = packet(THIRD, FAR, 443)


IN = packet(CLIENT, FIRST, 30080)


RESOLVER = packet(FIRST, "100.100.2.136", 53, protocol=17)
