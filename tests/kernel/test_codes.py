"""Findings that no other lab names: a fault that provokes each, against the kernel, and a twin without."""

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from kubectl_skoop.testing.trap import judge, trap
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import Collected, trap_lab
from kubectl_skoop.testing.trap_networks import ROUTED, ROUTED6
from kubectl_skoop.testing.trap_probes import ask
from kubectl_skoop.testing.trap_walk import loss_codes
from tests.kernel.test_traps_early_demux import LED_ON

pytestmark = pytest.mark.kernel


class Fault(NamedTuple):
    """A network, what is done to it, and what becomes of the flow."""

    network: str
    condition: str
    flow: str
    becomes: str
    """` | unknown` behind it: the walk must not say that it knows."""
    without: str
    """The condition of the healthy twin."""
    otherwise: str
    """What becomes of the flow there."""


def rule_at_p0(rule: str) -> str:
    hook = "{ type filter hook ingress device p0 priority 0; }"
    return f"r: $ nft 'add table netdev t; add chain netdev t c {hook}; add rule netdev t c {rule}'"


def source_of_a(address: str) -> str:
    known = "a: neigh add 10.1.0.1 lladdr 02:00:00:00:01:02 dev eth0 nud permanent"
    return f"{known}\na: $ iptables-nft -t nat -A POSTROUTING -p tcp -j SNAT --to-source {address}"


def service_to(address: str) -> str:
    return f"r: $ iptables-nft -t nat -A PREROUTING -d 10.96.0.1 -j DNAT --to-destination {address}"


KNOWN_GATEWAY = "a: neigh add fd01::1 lladdr 02:00:00:00:01:02 dev eth0 nud permanent"
TCP, TCP6, SERVED = "a tcp 10.2.0.2", "a tcp fd02::2", "answer, b sees 10.1.0.2"
FAULTS: Mapping[str, Fault] = {
    "device.no-ipv6": Fault(
        ROUTED6,
        f"{KNOWN_GATEWAY}\nr: sysctl net.ipv6.conf.p0.disable_ipv6=1",
        TCP6,
        "timeout",
        KNOWN_GATEWAY,
        "answer, b sees fd01::2",
    ),
    "bridge.program": Fault(
        ROUTED,
        rule_at_p0("ip protocol udp fwd ip to 10.2.0.9 device p1"),
        "a udp 10.2.0.2",
        "timeout | unknown",
        rule_at_p0("ip daddr 10.1.0.9 drop"),
        SERVED,
    ),
    "forwarding.own-socket": Fault(
        LED_ON,
        "",
        "r tcp 10.1.0.2",
        "timeout",
        "r: sysctl net.ipv4.tcp_early_demux=0",
        "answer, a sees 10.1.0.1",
    ),
    "route.martian": Fault(
        ROUTED, service_to("127.0.0.1"), "a tcp 10.96.0.1", "timeout", service_to("10.2.0.2"), SERVED
    ),
    "source.martian": Fault(
        ROUTED, source_of_a("127.0.0.1"), TCP, "timeout", source_of_a("10.1.0.2"), SERVED
    ),
}


def provoked(network: str, condition: str, flow: str, becomes: str) -> set[str]:
    """Codes of what is lost, where kernel, walk and table agree."""
    tested = trap(flow, network, condition, {flow: becomes}, ipv6=":" in flow)
    with trap_lab(network, condition, ipv6=tested.ipv6) as lab:
        dump = lab.dump()
        assert not judge(tested, dump, ask(lab, [parse_flow(flow)]))
    return loss_codes(Collected.of(dump), parse_flow(flow))


@pytest.mark.parametrize("code", FAULTS)
def test_the_fault_is_named(code: str) -> None:
    fault = FAULTS[code]
    assert provoked(fault.network, fault.condition, fault.flow, fault.becomes) == {code}


@pytest.mark.parametrize("code", FAULTS)
def test_the_healthy_twin_is_silent(code: str) -> None:
    fault = FAULTS[code]
    assert not provoked(fault.network, fault.without, fault.flow, fault.otherwise)
