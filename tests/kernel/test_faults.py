"""Each fault of the table in a lab: it breaks what its row says, and the tool says what the kernel does.

By default each fault is made once, in a kind of lab drawn by SKOOP_LAB_SEED; SKOOP_LAB=full
makes each in all.
"""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from kubectl_skoop.testing.breaking import apply
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.comparing import Observed, check_lab, judge, observe
from kubectl_skoop.testing.faults import Case, cases, load, sample
from kubectl_skoop.testing.topology import BACKENDS, MODES, Backend, Mode

FOLDER = Path(__file__).parent / "faults"
ALL = cases(load(FOLDER))
SEED = int(os.environ.get("SKOOP_LAB_SEED", "1"))
CASES = ALL if os.environ.get("SKOOP_LAB") == "full" else sample(ALL, SEED)


class Healthy(NamedTuple):
    """What a lab without a fault was, and what its kernel did."""

    lab: ClusterLab
    """It does not stand any more."""
    observed: Observed


Twin = Callable[[Mode, Backend], Healthy]


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Twin:
    """Each kind's is made once."""

    @cache
    def healthy(mode: Mode, backend: Backend) -> Healthy:
        with ClusterLab(mode, backend) as lab:
            return Healthy(lab, observe(lab, tmp_path_factory.mktemp(mode), None))

    return healthy


@pytest.mark.kernel
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("backend", BACKENDS)
def test_in_a_healthy_lab_the_tool_agrees_and_is_calm(mode: Mode, backend: Backend, twin: Twin) -> None:
    assert [str(one) for one in judge(*twin(mode, backend), None, None)] == []


@pytest.mark.kernel
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_tool_says_what_the_kernel_does_and_names_the_fault(
    case: Case, twin: Twin, tmp_path: Path
) -> None:
    healthy = twin(case.mode, case.backend).observed.outcomes
    with ClusterLab(case.mode, case.backend) as lab:
        apply(lab, case.fault)
        assert [str(one) for one in check_lab(lab, tmp_path, case.fault, healthy)] == []


def test_the_table_is_large_enough() -> None:
    everywhere = [fault for fault in load(FOLDER) if len(fault.modes) == len(MODES)]
    assert len(everywhere) >= 60
    assert len(ALL) >= 60 * len(MODES) * len(BACKENDS)
