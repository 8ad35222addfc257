"""Calico's pods with IPv6 addresses: silent when healthy, its faults named."""

from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.calico_dual_stack import CalicoDualStack
from kubectl_skoop.testing.comparing import take_snapshot
from kubectl_skoop.testing.dual_stack import flows
from tests.kernel.plugins.calico_ipv6_faults import FAULTS
from tests.kernel.test_dual_stack import Fault, break_it, compared

pytestmark = pytest.mark.kernel
CASES = [
    pytest.param(fault, overlay, id=f"{title}, {'vxlan' if overlay else 'BGP'}")
    for overlay, faults in FAULTS.items()
    for title, fault in faults.items()
]


@pytest.mark.parametrize("overlay", [False, True], ids=["BGP", "vxlan"])
def test_a_healthy_lab_is_silent(overlay: bool, tmp_path: Path) -> None:
    with CalicoDualStack(overlay=overlay) as lab:
        diagnoses, different = compared(lab, tmp_path, list(flows(lab)))
        with closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
            checked = check(source, Options())
    assert not different
    assert {diagnosis.verdict for diagnosis in diagnoses} == {"reachable"}
    assert not [one for found in diagnoses for one in found.suspicions if one.level >= Level.WARNING]
    assert checked.suspicions == ()


@pytest.mark.parametrize(("fault", "overlay"), CASES)
def test_a_fault_is_named(fault: Fault, overlay: bool, tmp_path: Path) -> None:
    with CalicoDualStack(overlay=overlay) as lab:
        break_it(lab, fault)
        asked = [flow for flow in flows(lab) if f"{flow.host} {flow.address}" == fault.breaks]
        diagnoses, different = compared(lab, tmp_path, [flow for flow in asked if flow.protocol != "tcp"])
    assert not different
    assert diagnoses
    for diagnosis in diagnoses:
        cause = diagnosis.cause
        assert diagnosis.verdict == "unreachable"
        assert cause is not None
        assert (cause.code, str(cause.where.place)) == (fault.code, fault.place)
        assert fault.text in " ".join((cause.message, *cause.evidence))
