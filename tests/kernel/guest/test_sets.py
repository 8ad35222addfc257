"""Types of ipset that the kernel of CI is built without: which rules count a real packet."""

from pathlib import Path

import pytest

from tests.kernel.guest import machine

pytestmark = pytest.mark.guest

MODULES = ("veth", "ipv6", "nf_conntrack", "ip_set")


def test_a_set_of_each_type_holds_what_the_guests_kernel_finds_in_it(tmp_path: Path) -> None:
    if reason := machine.why_no_guest():
        pytest.fail(reason)
    machine.run(Path(__file__).with_name("job_sets.py"), tmp_path, MODULES)
