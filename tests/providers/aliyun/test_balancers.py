"""Load balancers: where their connections go on, and by which address."""

from collections.abc import Callable
from fractions import Fraction
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.api import Unknown
from tests.providers.aliyun.balanced import (
    ASK_CLASSIC,
    ASK_NETWORK,
    CLASSIC,
    INSIDE,
    NAME,
    NETWORK,
    answers,
    balanced,
    enter_classic,
    sick,
)
from tests.providers.aliyun.vpc import (
    CLIENT,
    FIRST,
    SECOND,
    Answers,
    packet,
    shim,
)


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
