"""Each fault of the table in a lab: it breaks what its row says, and the tool says what the kernel does.

By default each fault is made once, in a kind of lab drawn by SKOOP_LAB_SEED; SKOOP_LAB=full
makes each in all.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from kubectl_skoop.testing.breaking import apply
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Outcomes, check_lab
from kubectl_skoop.testing.faults import Case, cases, load, sample
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.probes import run_flows
from kubectl_skoop.testing.topology import BACKENDS, MODES, Backend, Mode

FOLDER = Path(__file__).parent / "faults"
ALL = cases(load(FOLDER))
SEED = int(os.environ.get("SKOOP_LAB_SEED", "1"))
CASES = ALL if os.environ.get("SKOOP_LAB") == "full" else sample(ALL, SEED)

Twin = Callable[[Mode, Backend], Outcomes]


@pytest.fixture(scope="session")
def twin() -> Twin:
    """The outcomes of the healthy lab."""

    @cache
    def healthy(mode: Mode, backend: Backend) -> Outcomes:
        with ClusterLab(mode, backend) as lab:
            return run_flows(lab, standard_flows(lab.topology, mode))

    return healthy


@pytest.mark.kernel
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_in_a_healthy_lab_the_tool_agrees_and_is_calm(mode: Mode, backend: Backend, tmp_path: Path) -> None:
    with ClusterLab(mode, backend) as lab:
        assert [str(one) for one in check_lab(lab, tmp_path, None, None)] == []


@pytest.mark.kernel
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_tool_says_what_the_kernel_does_and_names_the_fault(
    case: Case, twin: Twin, tmp_path: Path
) -> None:
    healthy = twin(case.mode, case.backend)
    with ClusterLab(case.mode, case.backend) as lab:
        apply(lab, case.fault)
        assert [str(one) for one in check_lab(lab, tmp_path, case.fault, healthy)] == []


def test_the_table_is_large_enough() -> None:
    everywhere = [fault for fault in load(FOLDER) if len(fault.modes) == len(MODES)]
    assert len(everywhere) >= 60
    assert len(ALL) >= 60 * len(MODES) * len(BACKENDS)
