"""A node's way out: who is taken to be on the underlay, and answers, of both families."""

from collections.abc import Mapping
from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.diagnosis.fan_out import fan_out
from kubectl_skoop.diagnosis.flow import FlowResult, Runner, Setting, outcome
from kubectl_skoop.diagnosis.interface import InfraShim
from kubectl_skoop.diagnosis.outside import Outside
from kubectl_skoop.diagnosis.shim import Underlay
from kubectl_skoop.diagnosis.world import World
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Endpoint, Place
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.testing.trap_lab import Collected
from tests.netstack.builders import End, host

HERE = Place("node", "n")
ADDRESS, GATEWAY, FAR = (
    {4: "10.0.0.1/24", 6: "fd00::1/64"},
    {4: "10.0.0.254", 6: "fe80::fe"},
    {4: "192.0.2.1", 6: "2001:db8::1"},
)
NEAR = {4: "10.0.0.77", 6: "fd00::77"}


def node(family: int) -> NetworkNamespace:
    made = host(
        "n", End(name="eth0", index=2, peer=("x", 2), address=ADDRESS[family]), gateway=GATEWAY[family]
    )
    uplink = replace(made.devices[2], link_netns="unmapped:1")
    return replace(made, place=HERE, devices={**made.devices, 2: uplink})


def ask(family: int, target: str, protocol: int, nodes: Mapping[str, str] | None = None) -> FlowResult:
    """`nodes`: whose address it is by the objects."""
    ns = node(family)
    known = {ADDRESS[family].split("/")[0]: "n", **(nodes or {})}
    runner = Runner(
        World(Collected([ns]), lambda address: known.get(str(address))),
        Underlay(InfraShim(), lambda name: None),
        Outside(lambda address: "node" if str(address) in known else "external"),
        lambda world: world.at(HERE),
    )
    probe = Probe(
        source=Endpoint("node", "n", ip_address(ADDRESS[family].split("/")[0])),
        destination=Endpoint("external", target, ip_address(target)),
        protocol=protocol,
        dport=0 if protocol == Protocol.ICMP else 80,
    )
    (way,) = fan_out(lambda choices: runner.run(probe, Setting(), choices), outcome)
    return way.result


@pytest.mark.parametrize("protocol", [Protocol.TCP, Protocol.UDP, Protocol.ICMP], ids=lambda one: one.name)
@pytest.mark.parametrize("family", [4, 6])
def test_a_host_outside_answers_by_the_gateway(family: int, protocol: int) -> None:
    result = ask(family, FAR[family], protocol)
    assert (result.fate, result.symptom) == ("served", "answer")
    how = "ARP" if family == 4 else "neighbour solicitations"
    assert f"{GATEWAY[family]} outside of the cluster answers {how}" in result.branch.assumptions
    assert f"{FAR[family]} outside of the cluster answers" in result.branch.assumptions


@pytest.mark.parametrize("family", [4, 6])
def test_a_host_on_the_link_answers(family: int) -> None:
    """It gets one echo request, and asks for nothing itself."""
    result = ask(family, NEAR[family], Protocol.ICMP)
    assert result.fate == "served"
    assert [str(visit.place) for visit in result.branch.visits] == [
        "node/n",
        f"external/{NEAR[family]}",
        "node/n",
    ]


@pytest.mark.parametrize("family", [4, 6])
def test_an_address_that_a_node_should_have_and_has_not_is_nowhere(family: int) -> None:
    result = ask(family, NEAR[family], Protocol.ICMP, {NEAR[family]: "n"})
    assert (result.fate, result.symptom) == ("dropped", "no route to host")
    assert result.loss is not None
    assert result.loss.because.code == "neighbour.unresolved"
