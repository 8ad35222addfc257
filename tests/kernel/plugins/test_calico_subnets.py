"""Calico between two subnets: silent when healthy, its faults named."""

from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.calico_subnets import CalicoSubnets, Tunnel
from kubectl_skoop.testing.comparing import take_snapshot
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.plugin import CompareLab
from tests.kernel.plugins.calico_subnet_faults import FAULTS

pytestmark = pytest.mark.kernel
CASES = [
    pytest.param(fault, tunnel, id=f"{fault.id}, {tunnel or 'BGP'}")
    for tunnel, faults in FAULTS.items()
    for fault in faults
]


@pytest.mark.parametrize("tunnel", ["vxlan", ""])
def test_a_healthy_lab_is_silent(tunnel: Tunnel, compare_lab: CompareLab, tmp_path: Path) -> None:
    assert compare_lab(lambda: CalicoSubnets(tunnel=tunnel)) == []
    with CalicoSubnets(tunnel=tunnel) as lab, closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
        assert check(source, Options()).suspicions == ()


@pytest.mark.parametrize(("fault", "tunnel"), CASES)
def test_a_fault_is_named(fault: Fault, tunnel: Tunnel, compare_lab: CompareLab) -> None:
    assert compare_lab(lambda: CalicoSubnets(tunnel=tunnel), fault) == []
