"""What `check` says of the network between nodes that no cloud describes, in labs with real devices."""

from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import take_snapshot
from kubectl_skoop.testing.topology import standard

pytestmark = pytest.mark.kernel

FAULTS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "another MTU": (
        ("n2: ip link set eth0 mtu 1400",),
        "generic.mtu.differs",
        "eth0 has MTU 1400, other nodes in 10.0.0.0/24 have 1500",
    ),
    "a node that does not answer": (
        (
            "n2: sysctl net.ipv4.conf.eth0.arp_ignore=8",
            "n1: ip neigh flush dev eth0",
            'n1: sh -c "ping -c 1 -W 1 10.0.0.2 || true"',
        ),
        "generic.neighbour.failed",
        "node n2 did not answer node n1 for 10.0.0.2",
    ),
    "another prefix": (
        ("n2: ip addr add 10.0.0.2/16 dev eth0", "n2: ip addr del 10.0.0.2/24 dev eth0"),
        "generic.network.differs",
        "10.0.0.2 of eth0 is in 10.0.0.0/16, and other nodes take 10.0.0.0/24",
    ),
}


def told(lab: ClusterLab, folder: Path) -> dict[str, str]:
    """The provider's findings."""
    with closing(open_snapshot(take_snapshot(lab, folder))) as source:
        found = check(source, Options()).suspicions
    return {one.code: one.message for one in found if one.code.startswith("generic.")}


def test_a_healthy_network_is_silent(tmp_path: Path) -> None:
    with ClusterLab("flannel-host-gw") as lab:
        assert told(lab, tmp_path) == {}


@pytest.mark.parametrize(("steps", "code", "words"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_told(steps: tuple[str, ...], code: str, words: str, tmp_path: Path) -> None:
    with ClusterLab("flannel-host-gw") as lab:
        run_steps(lab, steps)
        found = told(lab, tmp_path)
    assert set(found) == {code}
    assert words in found[code]


def test_the_mac_of_a_third_node_is_told(tmp_path: Path) -> None:
    with ClusterLab("flannel-host-gw", topology=standard(3)) as lab:
        run_steps(lab, ("n1: ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:03 dev eth0 nud permanent",))
        found = told(lab, tmp_path)
    assert found == {
        "generic.neighbour.other": "node n1 sends what is for 10.0.0.2 of node n2 to the MAC of node n3"
    }
