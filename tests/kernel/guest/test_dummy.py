"""Labs in the guest: the harness itself, and devices that need nothing else."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from kubectl_skoop.testing.trap_networks import ROUTED
from tests.kernel.guest.labs import GuestLabs

pytestmark = pytest.mark.guest

TRAPS = (
    trap("healthy", ROUTED, "", {"a tcp 10.2.0.2": "answer, b sees 10.1.0.2"}),
    trap(
        "an address on a dummy device",
        ROUTED,
        "r: link add d0 type dummy\nr: addr add 10.9.0.1/32 dev d0\nr: link set d0 up",
        {"a tcp 10.9.0.1": "answer, r sees 10.1.0.2", "a icmp 10.9.0.1": "answer"},
    ),
    trap(
        "a route into a dummy device",
        ROUTED,
        "r: link add d0 type dummy\nr: link set d0 up\nr: route replace 10.2.0.0/24 dev d0",
        {"a tcp 10.2.0.2": "timeout"},
    ),
)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), ("dummy",))


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)
