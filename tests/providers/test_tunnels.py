"""Tunnels between nodes: the clouds are asked about the packet on the wire, not about the one inside."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from ipaddress import ip_address
from typing import Any

import pytest

from kubectl_skoop.api import Packet, Protocol, Suspicion
from tests.providers.aliyun import asking as aliyun
from tests.providers.aliyun import vpc as aliyun_vpc
from tests.providers.aws import asking as aws
from tests.providers.aws import vpc as aws_vpc

ESP = 50
INNER = Packet(src=ip_address("10.244.1.2"), dst=ip_address("10.244.2.2"), protocol=Protocol.TCP, dport=80)
OUTER: dict[str, tuple[int, int]] = {
    "IPIP": (Protocol.IPIP, 0),
    "VXLAN": (Protocol.UDP, 4789),
    "Geneve": (Protocol.UDP, 6081),
    "WireGuard": (Protocol.UDP, 51820),
    "GRE": (Protocol.GRE, 0),
    "ESP": (ESP, 0),
}
ANY = "0.0.0.0/0"


def ask_aws(sent: Packet, protocol: str, port: int) -> Sequence[Suspicion]:
    found = aws_vpc.healthy()
    aws.group(found).update(IpPermissions=[aws_vpc.permission(protocol, port, port, cidrs=[ANY])])
    return aws.between(found, sent)


def ask_aliyun(sent: Packet, protocol: str, port: int) -> Sequence[Suspicion]:
    found = aliyun_vpc.healthy()
    aliyun.enterprise(found)
    ports = f"{port}/{port}" if port else "-1/-1"
    name = "ALL" if protocol == "-1" else protocol
    both: list[Any] = [aliyun_vpc.rule(ANY, name, ports, egress=egress) for egress in (False, True)]
    aliyun.rules(found, *both)
    return aliyun.between(found, sent)


Ask = Callable[[Packet, str, int], Sequence[Suspicion]]
CLOUDS: dict[str, tuple[Ask, Callable[..., Packet]]] = {
    "aws": (ask_aws, aws_vpc.packet),
    "aliyun": (ask_aliyun, aliyun_vpc.packet),
}
NAMES = {Protocol.UDP: "udp", Protocol.GRE: "gre"}


def outer(cloud: str, kind: str) -> Packet:
    protocol, port = OUTER[kind]
    made = CLOUDS[cloud][1](
        aws_vpc.FIRST, aws_vpc.SECOND, port, protocol=protocol, sport=0 if not port else 40000
    )
    return replace(made, inner=INNER)


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("kind", OUTER)
def test_rules_for_what_is_inside_do_not_let_the_tunnel_pass(cloud: str, kind: str) -> None:
    (finding,) = CLOUDS[cloud][0](outer(cloud, kind), "tcp", 80)
    assert finding.effect == "stops"
    assert f"{cloud}.security-group." in finding.code
    protocol, port = OUTER[kind]
    assert (f"udp {port}" if port else f"protocol {protocol}") in finding.message
    assert "10.244." not in finding.message


@pytest.mark.parametrize("cloud", CLOUDS)
@pytest.mark.parametrize("kind", OUTER)
def test_a_rule_for_the_tunnel_does(cloud: str, kind: str) -> None:
    """Alibaba Cloud has no rules for protocols 4 and 50 but those for all."""
    protocol, port = OUTER[kind]
    name = NAMES.get(Protocol(protocol)) if protocol in NAMES else None
    if name == "gre" and cloud == "aws":
        name = "47"
    if name is None:
        name = str(protocol) if cloud == "aws" else "-1"
    assert CLOUDS[cloud][0](outer(cloud, kind), name, port) == []


@pytest.mark.parametrize("kind", ["IPIP", "ESP"])
def test_the_remedy_is_a_rule_that_the_api_takes(kind: str) -> None:
    (finding,) = ask_aliyun(outer("aliyun", kind), "tcp", 80)
    assert "IpProtocol ALL" in finding.remedy
    assert "PortRange -1/-1" in finding.remedy
