"""netkit: what its policy drops is known where no program is attached, the rest is not."""

from dataclasses import replace

import pytest

from kubectl_skoop.netstack.devices.stacked_types import Netkit
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.testing.trap_flow import parse_flow
from kubectl_skoop.testing.trap_lab import Collected
from kubectl_skoop.testing.trap_walk import loss_codes, predict
from tests.netstack.builders import routed

TCP = "a udp 10.2.0.2"
DROPS = Netkit(policy=2, primary=True)


def network(netkit: Netkit, *programs: str) -> dict[str, NetworkNamespace]:
    """a's device to the router is one end of a netkit."""
    hosts = routed()
    (device,) = (one for one in hosts["a"].devices.values() if one.kind == "veth")
    changed = replace(device, kind="netkit", netkit=netkit, programs=programs)
    hosts["a"] = replace(hosts["a"], devices={**hosts["a"].devices, device.index: changed})
    return hosts


def told(netkit: Netkit, *programs: str) -> tuple[str, set[str]]:
    collected, flow = Collected(network(netkit, *programs).values()), parse_flow(TCP)
    return " / ".join(predict(collected, flow)), loss_codes(collected, flow)


def test_a_policy_that_drops() -> None:
    assert told(DROPS)[1] >= {"device.program"}
    assert not told(DROPS)[0].startswith("unknown")


@pytest.mark.parametrize(
    ("netkit", "programs"),
    [
        pytest.param(Netkit(policy=0, primary=True), (), id="it lets by"),
        pytest.param(Netkit(policy=2), (), id="the programs are at the other end"),
        pytest.param(DROPS, ("BPF netkit/primary program 7",), id="a program"),
    ],
)
def test_the_rest_is_unknown(netkit: Netkit, programs: tuple[str, ...]) -> None:
    assert "unknown: " in told(netkit, *programs)[0]
