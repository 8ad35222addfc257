"""The cases of `original_cases.py` in labs of this machine's kernel."""

from pathlib import Path

import pytest

from kubectl_skoop.testing.breaking import run_steps
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Observed, take_snapshot
from kubectl_skoop.testing.probes import run_flows
from kubectl_skoop.testing.topology import Mode
from tests.kernel.plugins.original_cases import CASES, HERE, Case, outside_of_the_cluster

pytestmark = pytest.mark.kernel
ROWS = [
    pytest.param(case, mode, id=f"{name}, {mode}")
    for name, case in CASES.items()
    for mode in case.modes
    if mode in HERE
]


@pytest.mark.parametrize(("case", "mode"), ROWS)
def test_the_finding_is_the_same(case: Case, mode: Mode, tmp_path: Path) -> None:
    with ClusterLab(mode) as lab:
        run_steps(lab, case.steps)
        observed = Observed(take_snapshot(lab, tmp_path), run_flows(lab, case.asks(lab)))
    assert case.differences(lab, observed) == []


@pytest.mark.parametrize("mode", HERE)
def test_outside_of_the_cluster(mode: Mode, tmp_path: Path) -> None:
    with ClusterLab(mode) as lab:
        snapshot = take_snapshot(lab, tmp_path)
    outside_of_the_cluster(snapshot)
