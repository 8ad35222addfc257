"""Calico's eBPF mode: silent when healthy, each fault named, no verdict where programs decide."""

from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.comparing import request_of, take_snapshot
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.probes import ANSWER, run_flows
from tests.kernel.plugins.calico_bpf_faults import FAULTS
from tests.kernel.plugins.calico_bpf_lab import CalicoBpfLab
from tests.kernel.plugins.programmed import A_TO_B, DECIDES, Fault, break_it, checked, diagnosed, named

pytestmark = pytest.mark.kernel


def test_a_healthy_lab_is_silent(tmp_path: Path) -> None:
    with CalicoBpfLab() as lab:
        found = checked(lab, tmp_path)
    assert found.suspicions == ()
    assert found.missing == ()
    (fact,) = (fact for fact in found.facts if fact.name == "services not compared")
    assert fact.source.startswith("Calico's eBPF mode serves them in BPF programs, which are not read")


def test_a_kube_proxy_that_was_left_running_is_found(tmp_path: Path) -> None:
    with CalicoBpfLab(kube_proxy=True) as lab:
        found = checked(lab, tmp_path)
    assert {one.code for one in found.suspicions} == {"service.two-modes"}


def test_packets_arrive_and_nothing_is_said_of_what_programs_decide(tmp_path: Path) -> None:
    with CalicoBpfLab() as lab:
        flows = [flow for flow in standard_flows(lab.topology, lab.mode) if flow.id.startswith(A_TO_B)]
        outcomes = run_flows(lab, flows)
        with closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
            told = {flow: diagnose(source, request_of(flow), Options()) for flow in flows}
    assert [flow.id for flow in flows if outcomes[flow].symptom == ANSWER]
    for diagnosis in told.values():
        assert diagnosis.verdict == "unknown"
        assert DECIDES in diagnosis.headline
        assert not [one for one in diagnosis.suspicions if one.level > Level.WARNING]


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named(fault: Fault, tmp_path: Path) -> None:
    with CalicoBpfLab() as lab:
        break_it(lab, fault)
        assert named(checked(lab, tmp_path).suspicions, fault)
        if fault.verdict == "unreachable":
            for diagnosis in diagnosed(lab, tmp_path):
                assert diagnosis.verdict == fault.verdict
                assert named(diagnosis.suspicions, fault)
