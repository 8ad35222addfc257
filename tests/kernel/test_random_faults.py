"""Clusters with random changes: what the tool says of each flow is what real packets do, or *unknown*."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.extension.interface import InfraShim
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing import cni
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import (
    Difference,
    Question,
    check_flow,
    check_lab,
    diagnosed,
    take_snapshot,
)
from kubectl_skoop.testing.flows import Flow, standard_flows
from kubectl_skoop.testing.kube_proxy_nft import NftablesProxyLab
from kubectl_skoop.testing.netns import await_each
from kubectl_skoop.testing.probes import run_flows
from kubectl_skoop.testing.topology import (
    BACKENDS,
    CNI_MODES,
    HAND_MODES,
    MODES,
    OWN_NIC_MODES,
    VPC_MODES,
    Backend,
    Mode,
)
from tests.kernel.plugins.labs import lab_of
from tests.kernel.random_changes import Tally, change, smallest
from tests.kernel.random_ground import ground4
from tests.kernel.volume import VOLUME

pytestmark = pytest.mark.kernel

NFTABLES: tuple[Mode, ...] = ("flannel-vxlan", "calico", "canal")
"""Also with kube-proxy in nftables mode."""
KINDS = [
    *((mode, False) for mode in (*MODES, *HAND_MODES, *CNI_MODES, *VPC_MODES, *OWN_NIC_MODES)),
    *((mode, True) for mode in NFTABLES),
]


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    counted = Tally()
    yield counted
    counted.check()


@dataclass(frozen=True, slots=True)
class Kind:
    mode: Mode
    backend: Backend
    nftables: bool = False
    """kube-proxy's mode."""

    def lab(self) -> ClusterLab:
        if self.nftables:
            return NftablesProxyLab(self.mode, self.backend)
        return lab_of(self.mode, self.backend)


def differences(
    lab: ClusterLab, folder: Path, flows: Sequence[Flow], tally: Tally
) -> dict[Question, list[Difference]]:
    found = {}
    for flow, outcomes, diagnosis in diagnosed(take_snapshot(lab, folder), run_flows(lab, flows)):
        tally.count(diagnosis)
        if diagnosis.verdict != "unknown" and (wrong := check_flow(flow, outcomes, diagnosis)):
            found[flow] = wrong
    return found


def alone(kind: Kind, flow: Question, folder: Path, steps: Sequence[str]) -> list[Difference]:
    """In a lab where nothing else is sent: flows that are sent together learn neighbours for each other."""
    with kind.lab() as lab:
        run_steps(lab, steps)
        await_each(lab.namespaces.values())
        flows = [each for each in standard_flows(lab.topology, kind.mode) if each.question == flow]
        return differences(lab, folder, flows, Tally()).get(flow, [])


@pytest.mark.parametrize("seed", range(max(len(KINDS), 6 * VOLUME)))
def test_the_tool_agrees_with_the_kernel_whatever_was_changed(
    seed: int, tally: Tally, tmp_path: Path
) -> None:
    random = Random(f"edits-{seed}")
    mode, nftables = KINDS[seed % len(KINDS)]
    kind = Kind(mode, random.choice(BACKENDS), nftables)
    if kind.mode in CNI_MODES and cni.programs() is None:
        pytest.skip("containernetworking-plugins is not installed")
    with kind.lab() as lab:
        steps = change(random, ground4(lab))
        suspects = differences(lab, tmp_path, standard_flows(lab.topology, kind.mode), tally)
    for flow in suspects:
        differs = partial(alone, kind, flow, tmp_path)
        if found := differs(steps):
            needed = smallest(steps, differs)
            pytest.fail(f"{kind}: {needed}\n" + "\n".join(map(str, found)))


@pytest.mark.parametrize("mode", NFTABLES)
def test_a_healthy_cluster_with_a_kube_proxy_in_nftables_mode_is_silent(mode: Mode, tmp_path: Path) -> None:
    with NftablesProxyLab(mode) as lab:
        assert [str(one) for one in check_lab(lab, tmp_path, None, None)] == []
        with closing(open_snapshot(tmp_path / "lab.skoop")) as source:
            checked = check(source, Options())
    assert (checked.suspicions, checked.missing) == ((), ())


ONCE_DIFFERENT = (
    # A tunnel to the node itself: the packet goes round, with its conntrack entry, until its TTL ends.
    (
        Kind("flannel-vxlan", "iptables-legacy"),
        "n1: bridge fdb replace 0e:00:00:00:00:02 dev flannel.1 dst 10.0.0.1",
    ),
    # Without ARP a device sends to its own MAC.
    (Kind("aws-custom-network", "iptables-nft"), "n1: ip link set eth0 arp off"),
    # An address of a node that was collected, and has it not, is no host outside.
    (Kind("aws-vpc-cni", "iptables-legacy"), "n2: ip addr del 10.244.2.10/24 dev eth0"),
    # The node asks in the name of its second interface, which the cloud knows and no object tells.
    (Kind("terway-eni", "iptables-nft"), "n1: ip addr del 10.244.1.10/24 dev eth0"),
    # The node asks in the name of its bridge, whose address is in the range that the cloud leads to it.
    (Kind("flannel-alloc", "iptables-nft"), "n1: ip -4 route add 10.96.0.0/12 dev cni0"),
    # A NIC without an address takes what the cloud leads to its pods.
    (Kind("terway-eniip", "iptables-nft"), "n1: ip addr del 10.244.1.10/32 dev eth1"),
    # A NIC that asks for what the cloud leads to itself gets no answer from the lab's router.
    (Kind("aws-vpc-cni", "iptables-legacy"), "n2: ip route del {b2} dev {dev.b2}"),
)


@pytest.mark.parametrize(("kind", "step"), ONCE_DIFFERENT)
def test_what_once_differed_agrees(kind: Kind, step: str, tmp_path: Path) -> None:
    with kind.lab() as lab:
        run_steps(lab, [step])
        suspects = differences(lab, tmp_path, standard_flows(lab.topology, kind.mode), Tally())
    assert [found for flow in suspects if (found := alone(kind, flow, tmp_path, [step]))] == []


def test_a_doubt_about_the_network_is_counted_apart(tmp_path: Path) -> None:
    """What a device without ARP sends has its own MAC, which the lab's router drops (ip_rcv_core)."""
    counted = Tally()
    with Kind("aws-vpc-cni", "iptables-nft").lab() as lab:
        run_steps(lab, ["n1: ip link set eth1 arp off"])
        assert differences(lab, tmp_path, standard_flows(lab.topology, "aws-vpc-cni"), counted) == {}
    assert counted.unknown == 0 < counted.of_the_network


UNADDRESSED = ("n1: ip addr del 10.0.0.1/24 dev eth0",)
READDRESSED = ("n1: ip addr add 10.0.0.77/24 dev eth0", "n1: ip route add default via 10.0.0.254")
UNFOUND = (
    # What comes from its own network is none that it has a route to, so strict and loose rp_filter refuse it.
    (
        ("n1: ip route del 10.0.0.0/24 dev eth0", "n1: ip route del default dev eth0"),
        None,
        "unreachable (timeout or no route to host)",
    ),
    (("n1: sysctl net.ipv4.conf.eth0.arp_ignore=8",), None, "unknown"),
    (("n1: sysctl net.ipv4.conf.eth0.arp_ignore=8",), True, "unreachable (no route to host)"),
    (("n1: sysctl net.ipv4.conf.eth0.arp_ignore=1",), True, "reachable"),
    # Its routes lead by the address that the node had.
    (UNADDRESSED, None, "unreachable (timeout or no route to host)"),
    (UNADDRESSED, True, "unreachable (no route to host)"),
    ((*UNADDRESSED, *READDRESSED), None, "unknown"),
    ((*UNADDRESSED, *READDRESSED), True, "unreachable (no route to host)"),
)
"""Steps, whether the network's router asks for nodes, and the first words."""


@pytest.mark.parametrize(("steps", "asks", "headline"), UNFOUND)
def test_a_router_that_does_not_find_a_node_may_say_so(
    steps: Sequence[str], asks: bool | None, headline: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(InfraShim, "router_asks", lambda shim, node: asks)
    with Kind("flannel-alloc", "iptables-nft").lab() as lab:
        run_steps(lab, steps)
        asked = [
            flow
            for flow in standard_flows(lab.topology, "flannel-alloc")
            if flow.id == "pod/default/b to pod/default/a:8080 tcp"
        ]
        ((flow, outcomes, diagnosis),) = diagnosed(take_snapshot(lab, tmp_path), run_flows(lab, asked))
    assert diagnosis.headline.startswith(headline)
    assert diagnosis.verdict == "unknown" or not check_flow(flow, outcomes, diagnosis)
