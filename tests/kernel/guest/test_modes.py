"""Modes of plugins that need devices which this machine's kernel may lack."""

import pytest

from kubectl_skoop.testing.topology import GUEST_MODES
from tests.kernel.guest.modes import GuestModes, Lab
from tests.kernel.plugins.flannel_direct_faults import FAULTS as DIRECT
from tests.kernel.plugins.flannel_direct_faults import IN_GUEST
from tests.kernel.plugins.matrix import FAULTS

pytestmark = pytest.mark.guest
HEALTHY = [Lab(kind, "") for kind in (*GUEST_MODES, *sorted(IN_GUEST))]
BROKEN = [
    *(Lab(mode, fault.id) for fault in FAULTS for mode in fault.modes if mode in GUEST_MODES),
    *(Lab(kind, fault.id) for kind in sorted(IN_GUEST) for fault in DIRECT[kind]),
]


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestModes:
    return GuestModes([*HEALTHY, *BROKEN], tmp_path_factory.mktemp("guest"))


@pytest.mark.parametrize("lab", HEALTHY, ids=lambda one: one.kind)
def test_a_healthy_lab_is_silent(labs: GuestModes, lab: Lab) -> None:
    assert labs.differences(lab) == []
    assert labs.checked(lab) == ()


@pytest.mark.parametrize("lab", BROKEN, ids=lambda one: f"{one.fault} {one.kind}")
def test_a_fault_is_named(labs: GuestModes, lab: Lab) -> None:
    assert labs.differences(lab) == []
