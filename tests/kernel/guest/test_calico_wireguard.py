"""Calico that encrypts between nodes: silent when healthy, its faults named."""

import pytest

from kubectl_skoop.testing.calico_wireguard import CalicoWireguard
from tests.kernel.guest import emulated
from tests.kernel.guest.clusters import Case, GuestClusters
from tests.kernel.plugins.calico_wireguard_faults import FAULTS

pytestmark = pytest.mark.emulated
CASES = (Case(CalicoWireguard), *(Case(CalicoWireguard, fault) for fault in FAULTS))


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> GuestClusters:
    return GuestClusters(CASES, tmp_path_factory.mktemp("guest"), ("wireguard",), emulated)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_tool_says_what_the_kernel_does(clusters: GuestClusters, case: Case) -> None:
    assert clusters.differences(case) == []


def test_check_finds_nothing_in_a_healthy_lab(clusters: GuestClusters) -> None:
    found = clusters.check(CASES[0])
    assert found.suspicions == ()
    assert found.missing == ()
