"""A question to a lab is new to its kernels, whatever was asked before."""

import pytest

from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.calico_subnets import CalicoSubnets
from kubectl_skoop.testing.flows import Flow, FlowProtocol
from kubectl_skoop.testing.probes import ANSWER, TIMEOUT, run_flows
from kubectl_skoop.testing.topology import DNS_PORT
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import trap_lab
from kubectl_skoop.testing.trap_networks import ROUTED
from kubectl_skoop.testing.trap_probes import ask

pytestmark = pytest.mark.kernel

ONE_PORT = "net.ipv4.ip_local_port_range=40001 40001"
"""The only one that the kernel chooses itself."""
TRACKED = "r: $ iptables-nft -A FORWARD -m conntrack --ctstate NEW -j ACCEPT"
NO_NEW = "-I FORWARD -p {} -m conntrack --ctstate NEW -j DROP"


@pytest.mark.parametrize(("protocol", "port"), [("udp", DNS_PORT), ("icmp", 0)])
def test_what_was_answered_before_opens_no_way(protocol: FlowProtocol, port: int) -> None:
    with CalicoSubnets(tunnel="") as lab:
        flow = Flow("pod/default/a", "pod/default/b", lab.topology.pod("b").address, protocol, port)
        run_steps(lab, (f"a: sysctl '{ONE_PORT}'",))
        before = run_flows(lab, [flow])[flow]
        run_steps(lab, (f"n1: iptables {NO_NEW.format(protocol)}",))
        after = run_flows(lab, [flow])[flow]
        assert (before.symptom, after.symptom) == (ANSWER, TIMEOUT)


def test_what_a_trap_was_answered_before_opens_no_way() -> None:
    flow = parse_flow("a udp 10.2.0.2")
    with trap_lab(ROUTED, f"a: sysctl {ONE_PORT}", TRACKED) as lab:
        (before,) = ask(lab, [flow])
        lab.namespaces["r"].run("iptables-nft", *NO_NEW.format("udp").split())
        (after,) = ask(lab, [flow])
    assert (before, after) == ("answer, b sees 10.1.0.2", "timeout")
