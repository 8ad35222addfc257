"""flannel's backend ipip, whose devices this machine's kernel may lack."""

from dataclasses import replace

import pytest

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.flannel_direct import OneLink, TwoSubnets
from tests.kernel.guest.clusters import Case, GuestClusters
from tests.kernel.plugins import flannel_direct_faults
from tests.kernel.plugins.labs import FLOWS
from tests.kernel.plugins.matrix import FAULTS

pytestmark = pytest.mark.guest


def ipip() -> ClusterLab:
    return ClusterLab("flannel-ipip", "iptables-legacy")


def ipip_on_one_link() -> ClusterLab:
    return OneLink("flannel-ipip", "iptables-legacy")


def ipip_between_subnets() -> ClusterLab:
    return TwoSubnets("flannel-ipip", "iptables-legacy")


IPIP = (
    Case(ipip),
    *(
        Case(ipip, replace(fault, only=fault.only or FLOWS))
        for fault in FAULTS
        if "flannel-ipip" in fault.modes
    ),
)
DIRECT = (
    Case(ipip_on_one_link),
    *(Case(ipip_on_one_link, fault) for fault in flannel_direct_faults.FAULTS["flannel ipip, one link"]),
    Case(ipip_between_subnets),
    *(
        Case(ipip_between_subnets, fault)
        for fault in flannel_direct_faults.FAULTS["flannel ipip, two subnets"]
    ),
)


def name_of(case: Case) -> str:
    return f"{case.lab.__name__}: {case.id}"


@pytest.fixture(scope="module")
def with_ipip(tmp_path_factory: pytest.TempPathFactory) -> GuestClusters:
    return GuestClusters(IPIP, tmp_path_factory.mktemp("guest"), ("ipip",))


@pytest.fixture(scope="module")
def with_direct_routing(tmp_path_factory: pytest.TempPathFactory) -> GuestClusters:
    return GuestClusters(DIRECT, tmp_path_factory.mktemp("guest"), ("ipip",))


@pytest.mark.parametrize("case", IPIP, ids=name_of)
def test_ipip(with_ipip: GuestClusters, case: Case) -> None:
    assert with_ipip.differences(case) == []
    if case.fault is None:
        assert with_ipip.check(case).suspicions == ()


@pytest.mark.parametrize("case", DIRECT, ids=name_of)
def test_direct_routing(with_direct_routing: GuestClusters, case: Case) -> None:
    assert with_direct_routing.differences(case) == []
    if case.fault is None:
        assert with_direct_routing.check(case).suspicions == ()
