"""Terway's pods on an ipvlan or on a VLAN of a trunk, which this machine's kernel may lack: silent when
healthy, the faults named."""

from collections.abc import Callable
from functools import cache

import pytest

from tests.kernel.guest.clusters import Case, GuestClusters
from tests.kernel.plugins.terway_apart_faults import FAULTS, LABS

pytestmark = pytest.mark.guest
CASES = {mode: tuple(Case(LABS[mode], fault) for fault in (None, *FAULTS[mode])) for mode in LABS}
TC = ("sch_ingress", "cls_u32", "act_mirred", "act_skbedit", "act_tunnel_key")


@pytest.fixture(scope="module")
def clusters_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], GuestClusters]:
    """One boot for each mode."""
    return cache(
        lambda mode: GuestClusters(CASES[mode], tmp_path_factory.mktemp("guest"), ("8021q", "ipvlan", *TC))
    )


@pytest.mark.parametrize(
    ("mode", "case"),
    [pytest.param(mode, case, id=f"{mode}, {case.id}") for mode in CASES for case in CASES[mode]],
)
def test_the_tool_says_what_the_kernel_does(
    clusters_of: Callable[[str], GuestClusters], mode: str, case: Case
) -> None:
    clusters = clusters_of(mode)
    assert clusters.differences(case) == []
    if case.fault is None:
        assert clusters.check(case).suspicions == ()
