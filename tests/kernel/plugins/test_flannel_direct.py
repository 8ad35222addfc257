"""flannel with DirectRouting: silent when healthy, its faults named. ipip's are tried in the guest."""

from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.comparing import take_snapshot
from kubectl_skoop.testing.faults import Fault
from kubectl_skoop.testing.plugin import CompareLab
from tests.kernel.plugins.flannel_direct_faults import FAULTS, IN_GUEST, LABS

pytestmark = pytest.mark.kernel
HERE = {name: partial(make, "iptables-nft") for name, make in LABS.items() if name not in IN_GUEST}
CASES = [pytest.param(name, fault, id=f"{name}: {fault.id}") for name in HERE for fault in FAULTS[name]]


@pytest.mark.parametrize("name", HERE)
def test_a_healthy_lab_is_silent(name: str, compare_lab: CompareLab, tmp_path: Path) -> None:
    assert compare_lab(HERE[name]) == []
    with HERE[name]() as lab, closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
        assert check(source, Options()).suspicions == ()


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_a_fault_is_named(name: str, fault: Fault, compare_lab: CompareLab) -> None:
    assert compare_lab(HERE[name], fault) == []
