"""Each fault of the table in a lab: does it break what its row says?

By default each fault is made once, in a kind of lab drawn by SKOOP_LAB_SEED; SKOOP_LAB=full makes each
in all.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from kubectl_skoop.testing.breaking import apply
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Outcomes, check_table
from kubectl_skoop.testing.faults import Case, cases, load, sample
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.probes import run_flows
from kubectl_skoop.testing.topology import Backend, Mode

pytestmark = pytest.mark.kernel

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


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_fault_breaks_what_its_row_says(case: Case, twin: Twin) -> None:
    with ClusterLab(case.mode, case.backend) as lab:
        apply(lab, case.fault)
        outcomes = run_flows(lab, case.fault.flows(standard_flows(lab.topology, case.mode)))
    assert not check_table(case.fault, outcomes, twin(case.mode, case.backend))


def test_the_table_is_large_enough() -> None:
    everywhere = [fault for fault in load(FOLDER) if len(fault.modes) == 3]
    assert len(everywhere) >= 60
    assert len(ALL) >= 60 * 3 * 2
