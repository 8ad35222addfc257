"""The plugin cilium on nodes without Cilium: silent when healthy, each fault named, no verdict where programs
decide."""

from contextlib import closing
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.comparing import request_of, take_snapshot
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.probes import ANSWER, run_flows
from tests.kernel.plugins.cilium_faults import BOTH, FAULTS, Fault
from tests.kernel.plugins.cilium_lab import CiliumLab, Routing
from tests.kernel.plugins.programmed import A_TO_B, DECIDES, break_it, checked, diagnosed, named

pytestmark = pytest.mark.kernel
CASES = [
    pytest.param(fault, routing, id=f"{name}, {routing}")
    for name, fault in FAULTS.items()
    for routing in fault.routing
]


@pytest.mark.parametrize("routing", BOTH)
def test_check_finds_nothing_on_healthy_nodes(routing: Routing, tmp_path: Path) -> None:
    with CiliumLab(routing) as lab:
        found = checked(lab, tmp_path)
    assert found.suspicions == ()
    assert found.missing == ()


def test_packets_arrive_and_nothing_is_said_of_what_programs_decide(tmp_path: Path) -> None:
    with CiliumLab("native") as lab:
        flows = standard_flows(lab.topology, lab.mode)
        outcomes = run_flows(lab, flows)
        with closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
            told = {flow: diagnose(source, request_of(flow), Options()) for flow in flows}
    assert {flow.id for flow, outcome in outcomes.items() if outcome.symptom == ANSWER} >= {
        "pod/default/a to pod/default/b:8080 tcp bulk",
        "pod/default/a to svc/default/web:80 tcp",
        "node/n1 to pod/default/b:8080 tcp",
    }
    for flow, diagnosis in told.items():
        loud = [one for one in diagnosis.suspicions if one.level >= Level.WARNING]
        assert [one for one in loud if one.code.startswith("cilium")] == []
        if diagnosis.verdict != "unknown":
            assert (diagnosis.verdict, outcomes[flow].symptom) == ("reachable", ANSWER), flow.id
        assert diagnosis.verdict == "reachable" or DECIDES in diagnosis.headline, flow.id
    between_pods = [found for flow, found in told.items() if flow.id.startswith(A_TO_B)]
    assert {diagnosis.verdict for diagnosis in between_pods} == {"unknown"}


@pytest.mark.parametrize(("fault", "routing"), CASES)
def test_a_fault_is_named(fault: Fault, routing: Routing, tmp_path: Path) -> None:
    with CiliumLab(routing) as lab:
        break_it(lab, fault)
        assert named(checked(lab, tmp_path).suspicions, fault)
        for diagnosis in diagnosed(lab, tmp_path):
            assert diagnosis.verdict == fault.verdict
            assert named(diagnosis.suspicions, fault)


def test_a_node_without_a_cilium_node_is_the_finding(tmp_path: Path) -> None:
    class Silent(CiliumLab):
        def objects(self) -> list[Object]:
            return [
                item
                for item in super().objects()
                if (item["kind"], item["metadata"]["name"]) != ("CiliumNode", "n2")
            ]

    with Silent("native") as lab:
        (found,) = checked(lab, tmp_path).suspicions
    assert (found.code, str(found.where.place)) == ("cilium.node.missing", "node/n2")
