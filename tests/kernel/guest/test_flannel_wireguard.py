"""flannel's backend wireguard, whose devices this machine's kernel may lack."""

import pytest

from kubectl_skoop.testing.flannel_wireguard import WireguardLab
from tests.kernel.guest import emulated
from tests.kernel.guest.clusters import Case, GuestClusters
from tests.kernel.plugins import flannel_wireguard_faults

pytestmark = pytest.mark.emulated

CASES = (
    Case(WireguardLab),
    *(Case(WireguardLab, fault) for fault in flannel_wireguard_faults.FAULTS),
)
GONE = Case(WireguardLab, flannel_wireguard_faults.GONE)


@pytest.fixture(scope="module")
def clusters(tmp_path_factory: pytest.TempPathFactory) -> GuestClusters:
    return GuestClusters((*CASES, GONE), tmp_path_factory.mktemp("guest"), ("wireguard",), emulated)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_tool_says_what_the_kernel_does(clusters: GuestClusters, case: Case) -> None:
    assert clusters.differences(case) == []
    if case.fault is None:
        assert clusters.check(case).suspicions == ()


def test_a_device_that_is_gone_is_found(clusters: GuestClusters) -> None:
    found = clusters.check(GONE).suspicions
    assert ("flannel.device.missing", "node/n1") in [(one.code, str(one.where.place)) for one in found]
