"""Calico with a real BIRD on each node: in a mesh, and by a route reflector."""

from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from kubectl_skoop.diagnosis.check import check
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.testing.bird import BirdLab, program
from kubectl_skoop.testing.comparing import check_lab, take_snapshot
from kubectl_skoop.testing.flows import standard_flows
from kubectl_skoop.testing.probes import run_flows
from tests.kernel.plugins.calico_bird_faults import FAULTS, Broken

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.skipif(program() is None, reason="bird2 is not installed"),
]
LABS: dict[bool, Callable[..., BirdLab]] = {
    reflector: partial(BirdLab, reflector=reflector) for reflector in (False, True)
}
CASES = [
    pytest.param(reflector, broken, id=f"{broken.fault.id}, {'reflector' if reflector else 'mesh'}")
    for reflector, faults in FAULTS.items()
    for broken in faults
]


@pytest.mark.parametrize("reflector", [False, True], ids=["mesh", "reflector"])
def test_a_healthy_lab_is_silent(reflector: bool, tmp_path: Path) -> None:
    with LABS[reflector]() as lab:
        assert [str(one) for one in check_lab(lab, tmp_path, None, None)] == []
        with closing(open_snapshot(take_snapshot(lab, tmp_path))) as source:
            result = check(source, Options())
    assert result.suspicions == ()
    assert result.missing == ()


@pytest.mark.parametrize(("reflector", "broken"), CASES)
def test_a_fault_is_named(reflector: bool, broken: Broken, tmp_path: Path) -> None:
    with LABS[reflector]() as healthy:
        twin = run_flows(healthy, standard_flows(healthy.topology, healthy.mode))
    with LABS[reflector](silent=broken.silent, peered=broken.peered) as lab:
        broken.apply(lab)
        assert [str(one) for one in check_lab(lab, tmp_path, broken.fault, twin)] == []
