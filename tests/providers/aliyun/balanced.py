"""A VPC with a CLB and an NLB, and what is asked of them."""

from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Any

from kubectl_skoop.api import Suspicion, Tracked
from tests.providers.aliyun.vpc import (
    CLIENT,
    FIRST,
    SECOND,
    VPC,
    Answers,
    group,
    healthy,
    node,
    packet,
    shim,
)

CLASSIC, NETWORK, INSIDE = "198.51.100.80", "198.51.100.81", "10.0.1.200"


NAME = "nlb-1.cn-hangzhou.nlb.aliyuncs.com"


ASK_CLASSIC, ASK_NETWORK = packet(CLIENT, CLASSIC, 80, dst_mac=""), packet(CLIENT, NETWORK, 80, dst_mac="")


def server(name: str, **more: Any) -> dict[str, Any]:
    return {"ServerId": f"i-{name}", "Port": 30080, "Weight": 100, "Type": "ecs", **more}


def balanced() -> Answers:
    """A CLB and an NLB, each with a listener for port 80 and both public nodes as servers."""
    found = healthy()
    states = [
        {
            "ListenerPort": 80, "Protocol": "tcp", "ServerId": f"i-{name}", "Port": 30080,
            "ServerHealthStatus": "normal",
        }
        for name in ("n1", "n2")
    ]  # fmt: skip
    servers = [
        {
            "ServerGroupId": "sgp-1", "ServerId": f"i-{name}", "ServerIp": address, "Port": 30080,
            "Weight": 100, "Status": "Available",
        }
        for name, address in (("n1", FIRST), ("n2", SECOND))
    ]  # fmt: skip
    return {
        **found,
        "classic": {
            "LoadBalancerId": "lb-1", "LoadBalancerName": "web", "LoadBalancerStatus": "active",
            "Address": CLASSIC, "AddressType": "internet", "VpcId": "",
        },
        "network": {
            "LoadBalancerId": "nlb-1", "LoadBalancerName": "net", "LoadBalancerStatus": "Active",
            "DNSName": NAME, "AddressType": "Internet", "VpcId": VPC, "SecurityGroupIds": [],
            "ZoneMappings": [
                {"LoadBalancerAddresses": [{"PublicIPv4Address": NETWORK, "PrivateIPv4Address": INSIDE}]}
            ],
        },
        "classic listener": {
            "LoadBalancerId": "lb-1", "ListenerProtocol": "tcp", "ListenerPort": 80, "Status": "running",
            "VServerGroupId": "rsp-1", "Scheduler": "wrr", "AclStatus": "off",
        },
        "network listener": {
            "ListenerId": "lsn-1", "LoadBalancerId": "nlb-1", "ListenerProtocol": "TCP", "ListenerPort": 80,
            "StartPort": "", "EndPort": "", "ListenerStatus": "Running", "ServerGroupId": "sgp-1",
        },
        "server group": {
            "ServerGroupId": "sgp-1", "Scheduler": "Wrr", "AnyPortEnabled": False,
            "PreserveClientIpEnabled": True,
        },
        "vserver group": {
            "VServerGroupId": "rsp-1", "LoadBalancerId": "lb-1",
            "BackendServers": {"BackendServer": [server("n1"), server("n2")]},
        },
        "health": {"LoadBalancerId": "lb-1", "BackendServers": {"BackendServer": states}},
        "Servers": servers,
        "ListenerHealthStatus": [
            {"ListenerId": "lsn-1", "ServerGroupInfos": [{"ServerGroupId": "sgp-1", "NonNormalServers": []}]}
        ],
    }  # fmt: skip


def answers(found: Answers) -> Answers:
    """In the API's own words."""
    wrapped = dict(found)
    several: dict[str, Callable[[object], dict[str, Any]]] = {
        "classic": lambda one: {"LoadBalancers": {"LoadBalancer": [one]}},
        "network": lambda one: {"LoadBalancers": [one]},
        "classic listener": lambda one: {"Listeners": [one]},
        "network listener": lambda one: {"Listeners": [one]},
        "server group": lambda one: {"ServerGroups": [one]},
    }
    made = [wrap(wrapped.pop(key)) for key, wrap in several.items() if key in wrapped]
    single = ("vserver group", "health", "default servers", "acl")
    made += [wrapped.pop(key) for key in single if key in wrapped]
    return {**wrapped, "groups": [*wrapped["groups"], *made]}


def go_on(found: Answers) -> Sequence[Suspicion]:
    sent = packet(CLIENT, SECOND, 30080)
    return shim(answers(found)).load_balancer_to_node(ip_address(CLASSIC), node("n2"), sent, Tracked())


def come_back(found: Answers) -> Sequence[Suspicion]:
    sent = packet(SECOND, CLIENT, 40000, sport=30080)
    far = ip_address(CLASSIC)
    return shim(answers(found)).node_to_load_balancer(node("n2"), "eth0", far, sent, Tracked())


def enter_classic(found: Answers) -> Sequence[Suspicion]:
    return shim(answers(found)).external_to_load_balancer(ASK_CLASSIC)


def enter_network(found: Answers) -> Sequence[Suspicion]:
    return shim(answers(found)).external_to_load_balancer(ASK_NETWORK)


def sick(found: Answers) -> Answers:
    """The first node, of both load balancers."""
    found["health"]["BackendServers"]["BackendServer"][0]["ServerHealthStatus"] = "abnormal"
    found["ListenerHealthStatus"][0]["ServerGroupInfos"][0]["NonNormalServers"] = [
        {"ServerId": "i-n1", "Port": 30080, "Status": "Unhealthy"}
    ]
    return found


def listed(found: Answers, kind: str, *networks: str) -> Answers:
    found["classic listener"].update(AclStatus="on", AclType=kind, AclIds=["acl-1"])
    entries = [{"AclEntryIP": network, "AclEntryComment": "x"} for network in networks]
    found["acl"] = {"AclId": "acl-1", "AclName": "office", "AclEntrys": {"AclEntry": entries}}
    return found


def guarded(found: Answers, *rules: dict[str, str]) -> Answers:
    found["network"]["SecurityGroupIds"] = ["sg-lb"]
    found["groups"].append(group("sg-lb", *rules))
    found["SecurityGroups"]["SecurityGroup"].append(
        {"SecurityGroupId": "sg-lb", "SecurityGroupType": "normal"}
    )
    return found


Row = tuple[Callable[[Answers], Sequence[Suspicion]], Callable[[Answers], object], str, str]
