"""flannel's backend udp: packets arrive, no verdict where flanneld's process decides, each fault named."""

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.comparing import check_flow, request_of, take_snapshot
from kubectl_skoop.testing.flannel_udp import UdpLab
from kubectl_skoop.testing.flows import Flow, standard_flows
from kubectl_skoop.testing.probes import ANSWER, Outcome, run_flows
from tests.kernel.plugins.flannel_udp_faults import FAULTS, Fault

pytestmark = pytest.mark.kernel
A_TO_B = "pod/default/a to pod/default/b:8080 tcp bulk"
DECIDES = "flannel0 of node/n1 is a tun device"


def observed(lab: UdpLab, folder: Path, flows: Sequence[Flow]) -> list[tuple[Flow, Outcome, Diagnosis]]:
    """What the tool says of the snapshot, and what became of packets that were sent after it."""
    snapshot = take_snapshot(lab, folder)
    outcomes = run_flows(lab, flows)
    with closing(open_snapshot(snapshot)) as source:
        return [(flow, outcomes[flow], diagnose(source, request_of(flow), Options())) for flow in flows]


def test_packets_arrive_and_the_verdict_is_unknown_where_the_process_decides(tmp_path: Path) -> None:
    with UdpLab() as lab:
        told = observed(lab, tmp_path, standard_flows(lab.topology, "flannel-udp"))
        with closing(open_snapshot(tmp_path / "lab.skoop")) as source:
            assert check(source, Options()).suspicions == ()
    for flow, outcome, diagnosis in told:
        loud = [one for one in diagnosis.suspicions if one.level >= Level.WARNING]
        assert [one for one in loud if one.code.startswith("flannel.")] == [], flow.id
        assert diagnosis.verdict == "unknown" or check_flow(flow, [outcome], diagnosis, lot=True) == []
    (between,) = (found for found in told if found[0].id == A_TO_B)
    assert between[1].symptom == ANSWER
    assert between[2].verdict == "unknown"
    assert DECIDES in between[2].headline


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_a_fault_is_named(fault: Fault, tmp_path: Path) -> None:
    with UdpLab() as lab:
        run_steps(lab, fault.steps)
        if fault.stopped:
            lab.carriers[fault.stopped].stop()
        flows = [one for one in standard_flows(lab.topology, lab.mode) if one.id == A_TO_B]
        ((_, outcome, diagnosis),) = observed(lab, tmp_path, flows)
    assert outcome.symptom != ANSWER
    assert diagnosis.verdict == "unreachable"
    named = [one for one in diagnosis.suspicions if one.code == fault.code]
    told = {str(one.where.place): " ".join((one.message, *one.evidence)) for one in named}
    assert fault.text in told[fault.place]
