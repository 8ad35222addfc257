"""The cases of `tests/kernel/plugins/original_cases.py` for an IPIP pool, in the guest's kernel."""

from contextlib import closing

import pytest

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.faults import Fault
from tests.kernel.guest import clusters
from tests.kernel.guest.clusters import GuestClusters
from tests.kernel.plugins.original_cases import CASES, IPIP, Case, outside_of_the_cluster

pytestmark = pytest.mark.guest


def ipip() -> ClusterLab:
    return ClusterLab(IPIP, "iptables-legacy")


HEALTHY = clusters.Case(ipip)
ROWS = {
    name: clusters.Case(ipip, Fault(id=name, steps=case.steps, codes=case.codes, only=case.flows))
    for name, case in CASES.items()
    if IPIP in case.modes
}


@pytest.fixture(scope="module")
def guest(tmp_path_factory: pytest.TempPathFactory) -> GuestClusters:
    return GuestClusters([HEALTHY, *ROWS.values()], tmp_path_factory.mktemp("guest"), ("ipip",))


@pytest.mark.parametrize("name", ROWS)
def test_the_finding_is_the_same(guest: GuestClusters, name: str) -> None:
    case: Case = CASES[name]
    with closing(ipip()) as lab:
        assert case.differences(lab, guest.observed(ROWS[name])) == []


def test_outside_of_the_cluster(guest: GuestClusters) -> None:
    outside_of_the_cluster(guest.observed(HEALTHY).snapshot)
