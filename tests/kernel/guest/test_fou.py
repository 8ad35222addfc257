"""Tunnels in UDP packets (fou, gue): what the kernel of the emulated machine and the walk make of them."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest import emulated
from tests.kernel.guest.labs import GuestLabs
from tests.kernel.guest.test_ip_tunnels import SERVED, TCP, tunnel

pytestmark = pytest.mark.emulated

UDP, BACK = "a udp 10.2.0.2", "b tcp 10.1.0.2"
ENCAP = "encap {} encap-sport {} encap-dport 5555"


def ports(words: str, hosts: str = "mn") -> str:
    return "".join(f"{host}: $ ip fou add port 5555 {words}\n" for host in hosts)


def encapsulated(kind: str, protocol: int, *, gue: bool = False, sport: str = "auto") -> str:
    words = ENCAP.format("gue" if gue else "fou", sport)
    return tunnel(kind, words, words) + ports("gue" if gue else f"ipproto {protocol}")


IPIP, GUE = encapsulated("ipip", 4), encapsulated("ipip", 4, gue=True)
TRAPS = (
    trap("ipip in UDP", IPIP, "", {TCP: SERVED, UDP: SERVED, BACK: "answer, a sees 10.2.0.2"}),
    trap("ipip in GUE", GUE, "", {TCP: SERVED, BACK: "answer, a sees 10.2.0.2"}),
    trap("gre in UDP", encapsulated("gre", 47), "", {TCP: SERVED}),
    trap("gre in GUE", encapsulated("gre", 47, gue=True), "", {TCP: SERVED}),
    trap("a port of the sender's own", encapsulated("ipip", 4, sport="7777"), "", {TCP: SERVED}),
    trap("no port at the receiver", IPIP, "n: $ ip fou del port 5555", {UDP: "timeout"}),
    trap(
        "another port at the receiver",
        IPIP,
        "n: $ ip fou del port 5555\nn: $ ip fou add port 5556 ipproto 4",
        {UDP: "timeout"},
    ),
)
MODULES = ("fou", "ipip", "ip_gre")
CODES = {
    "no port at the receiver": "tunnel.closed",
    "another port at the receiver": "tunnel.closed",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), MODULES, emulated)


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
