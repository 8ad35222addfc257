"""Load balancers: where connections go on, by which address, and what guards the way."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.api import Suspicion, Tracked, Unknown
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
    rule,
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


HEALTHY = {
    "to a CLB": enter_classic,
    "to an NLB": enter_network,
    "on to a node": go_on,
    "and back": come_back,
}


@pytest.mark.parametrize("ask", HEALTHY.values(), ids=HEALTHY)
def test_a_healthy_way_is_silent(ask: Callable[[Answers], Sequence[Suspicion]]) -> None:
    assert ask(balanced()) == []


def shares(found: Answers, sent: Any) -> list[tuple[str, str, int]]:
    targets = shim(answers(found)).balance(sent)
    assert not isinstance(targets, Unknown), targets
    assert targets is not None
    assert {one.source for one in targets} <= {None}
    return [(str(one.share), str(one.address), one.port) for one in targets]


@pytest.mark.parametrize("sent", [ASK_CLASSIC, ASK_NETWORK], ids=["CLB", "NLB"])
def test_connections_are_shared_among_the_servers(sent: Any) -> None:
    assert shares(balanced(), sent) == [("1/2", FIRST, 30080), ("1/2", SECOND, 30080)]


@pytest.mark.parametrize("sent", [ASK_CLASSIC, ASK_NETWORK], ids=["CLB", "NLB"])
def test_weights_count_where_the_scheduler_knows_them(sent: Any) -> None:
    found = balanced()
    servers = found["vserver group"]["BackendServers"]["BackendServer"], found["Servers"]
    for each in servers:
        each[0]["Weight"] = 50
    assert shares(found, sent)[0] == ("1/3", FIRST, 30080)
    found["classic listener"]["Scheduler"] = found["server group"]["Scheduler"] = "rr"
    assert shares(found, sent)[0] == ("1/2", FIRST, 30080)
    for each in servers:
        each[0]["Weight"] = 0
    assert shares(found, sent) == [("1", SECOND, 30080)]


def sick(found: Answers) -> Answers:
    """The first node, of both load balancers."""
    found["health"]["BackendServers"]["BackendServer"][0]["ServerHealthStatus"] = "abnormal"
    found["ListenerHealthStatus"][0]["ServerGroupInfos"][0]["NonNormalServers"] = [
        {"ServerId": "i-n1", "Port": 30080, "Status": "Unhealthy"}
    ]
    return found


@pytest.mark.parametrize("sent", [ASK_CLASSIC, ASK_NETWORK], ids=["CLB", "NLB"])
def test_a_server_that_is_not_healthy_gets_no_connections(sent: Any) -> None:
    assert shares(sick(balanced()), sent) == [("1", SECOND, 30080)]


def test_a_udp_listener_has_its_own_servers_and_health() -> None:
    found = balanced()
    found["classic listener"].update(ListenerProtocol="udp")
    for one in found["health"]["BackendServers"]["BackendServer"]:
        one["Protocol"] = "udp"
    assert len(shares(found, packet(CLIENT, CLASSIC, 80, protocol=17))) == 2
    assert shares(found, ASK_CLASSIC) == []


def test_the_default_servers_stand_where_no_group_is_named() -> None:
    found = balanced()
    found["classic listener"].update(VServerGroupId="", BackendServerPort=30080)
    found["default servers"] = {
        **found["classic"],
        "BackendServers": {"BackendServer": [{"ServerId": "i-n2", "Weight": 100, "Type": "ecs"}]},
    }
    assert shares(found, ASK_CLASSIC) == [("1", SECOND, 30080)]


def test_an_elastic_address_of_a_load_balancer_is_its_address() -> None:
    found = balanced()
    found["classic"].update(Address=INSIDE, AddressType="intranet")
    eip = {"AllocationId": "eip-1", "IpAddress": CLASSIC, "InstanceId": "lb-1", "InstanceType": "SlbInstance"}
    found["EipAddresses"] = {"EipAddress": [eip]}
    assert enter_classic(found) == []
    assert sum((Fraction(share) for share, _, _ in shares(found, ASK_CLASSIC)), Fraction(0)) == 1


def test_a_pods_interface_is_a_server_by_its_address() -> None:
    found = balanced()
    own = {"ServerId": "eni-7", "ServerIp": "10.0.2.70", "Port": 8080, "Weight": 100, "Type": "eni"}
    found["vserver group"]["BackendServers"]["BackendServer"] = [own]
    state = {"ListenerPort": 80, "ServerId": "eni-7", "Port": 8080, "ServerHealthStatus": "normal"}
    found["health"]["BackendServers"]["BackendServer"] = [state]
    assert shares(found, ASK_CLASSIC) == [("1", "10.0.2.70", 8080)]


def test_no_server_and_no_listener_are_no_target() -> None:
    found = balanced()
    found["vserver group"]["BackendServers"]["BackendServer"] = []
    assert shares(found, ASK_CLASSIC) == []
    assert shares(found, packet(CLIENT, CLASSIC, 81)) == []
    assert shares(found, packet(CLIENT, NETWORK, 80, protocol=17)) == []


def test_the_host_name_leads_to_the_addresses() -> None:
    vpc = shim(answers(balanced()))
    assert vpc.addresses_of(NAME.upper()) == (ip_address(NETWORK), ip_address(INSIDE))
    other = vpc.addresses_of("nlb-2.cn-hangzhou.nlb.aliyuncs.com")
    assert isinstance(other, Unknown)
    assert vpc.balance(packet(CLIENT, FIRST)) is None


UNKNOWN: dict[str, tuple[Any, Callable[[Answers], object], str]] = {
    "no listeners of a CLB": (
        ASK_CLASSIC,
        lambda found: found.pop("classic listener"),
        "no Listeners of Alibaba Cloud were collected",
    ),
    "no listeners of an NLB": (
        ASK_NETWORK,
        lambda found: found.pop("network listener"),
        "no NetworkListeners of Alibaba Cloud were collected",
    ),
    "no health": (ASK_CLASSIC, lambda found: found.pop("health"), "the health of the servers of web"),
    "no health of an NLB": (
        ASK_NETWORK,
        lambda found: found.pop("ListenerHealthStatus"),
        "the health of the servers of sgp-1",
    ),
    "the health of one server": (
        ASK_CLASSIC,
        lambda found: found["health"]["BackendServers"]["BackendServer"].pop(),
        "the health of i-n2:30080 of web was not collected",
    ),
    "no server group": (
        ASK_CLASSIC,
        lambda found: found.pop("vserver group"),
        "the servers of the listener 80 of web: rsp-1 is not known",
    ),
    "a master-slave group": (
        ASK_CLASSIC,
        lambda found: found["classic listener"].update(
            VServerGroupId="", TCPListenerConfig={"MasterSlaveServerGroupId": "mss-1"}
        ),
        "which of the two servers of mss-1 gets connections is not modelled",
    ),
    "a proxy": (
        ASK_CLASSIC,
        lambda found: found["classic listener"].update(ListenerProtocol="http"),
        "the http listener 80 of web is a proxy",
    ),
    "an NLB with an address of its own": (
        ASK_NETWORK,
        lambda found: found["server group"].update(PreserveClientIpEnabled=False),
        "net asks its servers from an address of its own",
    ),
    "a server group for all ports": (
        ASK_NETWORK,
        lambda found: found["server group"].update(AnyPortEnabled=True),
        "the server group sgp-1 is for all ports",
    ),
    "nobody is healthy": (
        ASK_CLASSIC,
        lambda found: sick(found)["vserver group"]["BackendServers"]["BackendServer"].pop(),
        "no server of web is healthy",
    ),
    "a server that is no node": (
        ASK_CLASSIC,
        lambda found: found["Instances"]["Instance"].clear() or found["NetworkInterfaceSets"].update(
            NetworkInterfaceSet=[]
        ),
        "the address of the server i-n1 is not known",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("sent", "change", "reason"), UNKNOWN.values(), ids=UNKNOWN)
def test_what_is_not_known_of_servers(sent: Any, change: Callable[[Answers], object], reason: str) -> None:
    found = balanced()
    change(found)
    answer = shim(answers(found)).balance(sent)
    assert isinstance(answer, Unknown)
    assert reason in answer.reason


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


LETS_IN: dict[str, tuple[Callable[[Answers], Sequence[Suspicion]], Callable[[Answers], object]]] = {
    "a white list with the client": (enter_classic, lambda found: listed(found, "white", "203.0.113.0/24")),
    "a black list without the client": (enter_classic, lambda found: listed(found, "black", "192.0.2.0/24")),
    "an empty white list": (enter_classic, lambda found: listed(found, "white")),
    "a list that is off": (
        enter_classic,
        lambda found: listed(found, "black", "0.0.0.0/0")["classic listener"].update(AclStatus="off"),
    ),
    "a group of an NLB without a rule": (enter_network, guarded),
    "a client of the VPC asks an internal one": (
        lambda found: shim(answers(found)).external_to_load_balancer(packet("10.0.9.9", CLASSIC)),
        lambda found: found["classic"].update(AddressType="intranet"),
    ),
}


@pytest.mark.parametrize(("ask", "change"), LETS_IN.values(), ids=LETS_IN)
def test_what_lets_in_is_silent(
    ask: Callable[[Answers], Sequence[Suspicion]], change: Callable[[Answers], object]
) -> None:
    found = balanced()
    change(found)
    assert ask(found) == []


Row = tuple[Callable[[Answers], Sequence[Suspicion]], Callable[[Answers], object], str, str]
ROWS: dict[str, Row] = {
    "a CLB is stopped": (
        enter_classic,
        lambda found: found["classic"].update(LoadBalancerStatus="inactive"),
        "aliyun.balancer.state",
        "web is inactive",
    ),
    "an NLB is being made": (
        enter_network,
        lambda found: found["network"].update(LoadBalancerStatus="Provisioning"),
        "aliyun.balancer.state",
        "net is provisioning",
    ),
    "it is internal": (
        enter_classic,
        lambda found: found["classic"].update(AddressType="intranet"),
        "aliyun.balancer.internal",
        "203.0.113.7 has no way to it",
    ),
    "the listener is stopped": (
        enter_classic,
        lambda found: found["classic listener"].update(Status="stopped"),
        "aliyun.balancer.listener",
        "the listener for tcp 80 of web is stopped",
    ),
    "the listener of an NLB is stopping": (
        enter_network,
        lambda found: found["network listener"].update(ListenerStatus="Stopping"),
        "aliyun.balancer.listener",
        "the listener for tcp 80 of net is Stopping",
    ),
    "the client is not on the white list": (
        enter_classic,
        lambda found: listed(found, "white", "192.0.2.0/24"),
        "aliyun.balancer.access",
        "203.0.113.7 is not on the white list acl-1 of the listener 80 of web | 192.0.2.0/24",
    ),
    "the client is on the black list": (
        enter_classic,
        lambda found: listed(found, "black", "203.0.113.7/32"),
        "aliyun.balancer.access",
        "is on the black list acl-1",
    ),
    "the list was not collected": (
        enter_classic,
        lambda found: listed(found, "white").pop("acl"),
        "aliyun.unknown",
        "acl-1 is not known: no AccessControlLists",
    ),
    "a group of an NLB drops the client": (
        enter_network,
        lambda found: guarded(found, rule("203.0.113.0/24", Policy="Drop", Priority="100")),
        "aliyun.security-group.ingress",
        "the security groups of net drop tcp 80 from 203.0.113.7 | sg-lb (lb) ingress 100: drop all",
    ),
    "a server of a CLB is not healthy": (
        enter_classic,
        sick,
        "aliyun.balancer.unhealthy",
        "1 of 2 servers of web are not healthy | i-n1:30080 abnormal",
    ),
    "a server of an NLB is not healthy": (
        enter_network,
        sick,
        "aliyun.balancer.unhealthy",
        "1 of 2 servers of net are not healthy | i-n1:30080 unhealthy",
    ),
    "the server's groups would drop it": (
        go_on,
        lambda found: found["groups"].clear() or found["groups"].append(group("sg-nodes")),
        "aliyun.unknown",
        "whether security groups are asked for what a load balancer forwards is not documented",
    ),
    "the server's vSwitch has a network ACL": (
        come_back,
        lambda found: found["VSwitches"]["VSwitch"][1].update(NetworkAclId="nacl-1"),
        "aliyun.unknown",
        "what the network ACL nacl-1 of vsw-b says is not modelled",
    ),
}


@pytest.mark.parametrize(("ask", "change", "code", "words"), ROWS.values(), ids=ROWS)
def test_one_thing_is_wrong(
    ask: Callable[[Answers], Sequence[Suspicion]],
    change: Callable[[Answers], object],
    code: str,
    words: str,
) -> None:
    found = balanced()
    change(found)
    (finding,) = ask(found)
    assert finding.code == code, finding
    assert words in " | ".join((finding.message, *finding.evidence))
    expected = {"aliyun.unknown": "unknown", "aliyun.balancer.unhealthy": ""}
    assert finding.effect == expected.get(code, "stops")
