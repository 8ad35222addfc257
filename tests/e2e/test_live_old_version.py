"""The tool against a cluster of an old version: other rules, other fields, the same answers."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.e2e.cluster import Cluster
from tests.e2e.fault_table import FAULTS
from tests.e2e.faults import Fault, put
from tests.e2e.flow import Flow, Place, eventually, send
from tests.e2e.leftovers import gone
from tests.e2e.probe import ANSWER
from tests.e2e.skoop import Skoop, question
from tests.e2e.test_live import asked
from tests.e2e.workloads import SERVICE_PORT

pytestmark = pytest.mark.e2e

Where = Mapping[str, Place]
FLOWS = (
    Flow("client.node1", "web.node2"),
    Flow("client.node1", "svc.one", SERVICE_PORT),
    Flow("client.node3", "svc.web", SERVICE_PORT),
    Flow("node2", "web.node3"),
)
SAMPLE = ("forward-drop", "endpoint-gone", "no-endpoints", "route-blackhole", "pod-firewall")


@pytest.mark.parametrize("flow", FLOWS, ids=str)
def test_what_works_is_reachable(old_skoop: Skoop, old_where: Where, flow: Flow, tmp_path: Path) -> None:
    diagnosis = asked(old_skoop, question(flow, old_where[flow.source], old_where[flow.target]), tmp_path)
    assert (send(flow, old_where).symptom, diagnosis["verdict"]) == (ANSWER, "reachable")


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.id in SAMPLE], ids=lambda fault: fault.id
)
def test_a_fault_is_found(
    old_cluster: Cluster, old_skoop: Skoop, old_where: Where, fault: Fault, tmp_path: Path
) -> None:
    words = question(fault.flow, old_where[fault.flow.source], old_where[fault.flow.target])

    def symptom() -> str:
        return send(fault.flow, old_where).symptom

    with put(fault, old_cluster, old_where):
        assert eventually(symptom, fault.symptoms) in fault.symptoms
        diagnosis = asked(old_skoop, words, tmp_path)
    assert diagnosis["verdict"] == "unreachable", diagnosis["headline"]
    assert eventually(symptom, (ANSWER,)) == ANSWER


def test_a_whole_snapshot_has_nothing_missing(old_cluster: Cluster, old_skoop: Skoop, tmp_path: Path) -> None:
    file = tmp_path / "s.skoop"
    assert old_skoop.collecting("snapshot", "-f", file).code == 0
    checked = old_skoop.offline("check", "--snapshot", file)
    assert checked.code == 0, checked.out
    assert gone(old_cluster, "jobs", "pods", "namespaces") == []
