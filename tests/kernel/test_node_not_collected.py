"""Half of a cluster in the snapshot: of what goes to the other half nothing is said that isn't so."""

from pathlib import Path

import pytest

from kubectl_skoop.testing import cni
from kubectl_skoop.testing.comparing import check_flow, diagnosed, take_snapshot
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.probes import run_flows
from kubectl_skoop.testing.topology import (
    CNI_MODES,
    HAND_MODES,
    MODES,
    OWN_NIC_MODES,
    VPC_MODES,
    Mode,
)
from tests.kernel.plugins.labs import lab_of

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("mode", [*MODES, *HAND_MODES, *CNI_MODES, *VPC_MODES, *OWN_NIC_MODES])
def test_what_needs_the_node_that_is_missing_is_unknown(mode: Mode, tmp_path: Path) -> None:
    if mode in CNI_MODES and cni.programs() is None:
        pytest.skip("containernetworking-plugins is not installed")
    with lab_of(mode, "iptables-nft") as lab:
        asked = [flow for flow in standard_flows(lab.topology, mode) if not _starts_on_n1(flow.source)]
        snapshot = take_snapshot(lab, tmp_path, without={"n1"})
        answers = list(diagnosed(snapshot, run_flows(lab, asked)))
    wrong = [
        str(difference)
        for flow, outcomes, diagnosis in answers
        if diagnosis.verdict != "unknown"
        for difference in check_flow(flow, outcomes, diagnosis)
    ]
    unknown = {
        flow.id: diagnosis.headline for flow, _, diagnosis in answers if diagnosis.verdict == "unknown"
    }
    assert wrong == []
    assert list(unknown) == ["pod/default/b to pod/default/a:8080 tcp"]
    assert all("node/n1 was not collected" in headline for headline in unknown.values())


def _starts_on_n1(source: str) -> bool:
    return source in ("pod/default/a", "node/n1")
