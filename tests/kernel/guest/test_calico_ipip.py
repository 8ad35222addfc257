"""Calico with IPIP: silent when healthy, its faults named. The pools' tunnel always, and across subnets."""

import pytest

from kubectl_skoop.testing.calico_subnets import CalicoSubnets
from kubectl_skoop.testing.cluster_lab import ClusterLab
from tests.kernel.guest.clusters import Case, GuestClusters
from tests.kernel.plugins.calico_ipip_faults import FAULTS
from tests.kernel.plugins.calico_subnet_faults import IPIP

pytestmark = pytest.mark.guest


def always() -> ClusterLab:
    return ClusterLab("calico-ipip", "iptables-legacy")


def across_subnets() -> ClusterLab:
    return CalicoSubnets(tunnel="ipip", backend="iptables-legacy")


ALWAYS = (Case(always), *(Case(always, fault) for fault in FAULTS))
ACROSS = (Case(across_subnets), *(Case(across_subnets, fault) for fault in IPIP))
CASES = (*ALWAYS, *ACROSS)


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> GuestClusters:
    return GuestClusters(CASES, tmp_path_factory.mktemp("guest"), ("ipip",))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.lab.__name__}, {case.id}")
def test_the_tool_says_what_the_kernel_does(clusters: GuestClusters, case: Case) -> None:
    assert clusters.differences(case) == []


@pytest.mark.parametrize("healthy", [ALWAYS[0], ACROSS[0]], ids=lambda case: case.lab.__name__)
def test_check_finds_nothing_in_a_healthy_lab(clusters: GuestClusters, healthy: Case) -> None:
    found = clusters.check(healthy)
    assert found.suspicions == ()
    assert found.missing == ()
