"""geneve with a remote of its own: what the guest's kernel and the walk make of it."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs
from tests.kernel.guest.test_ip_tunnels import PLAIN, SERVED, TCP

pytestmark = pytest.mark.guest

GENEVE = (
    PLAIN
    + """
m: link add g0 address 02:00:00:00:09:01 type geneve id 9 remote 192.168.0.2
m: link set g0 up
m: addr add 10.9.0.1/24 dev g0
m: route add 10.2.0.0/24 via 10.9.0.2
n: link add g0 address 02:00:00:00:09:02 type geneve id 9 remote 192.168.0.1
n: link set g0 up
n: addr add 10.9.0.2/24 dev g0
n: route add 10.1.0.0/24 via 10.9.0.1
"""
)
AGAIN = (
    "n: link del g0\nn: link add g0 address 02:00:00:00:09:02 type geneve SETTINGS\nn: link set g0 up\n"
    "n: addr add 10.9.0.2/24 dev g0\nn: route add 10.1.0.0/24 via 10.9.0.1"
)
EXTERNAL = (
    PLAIN
    + """
m: link add g0 address 02:00:00:00:09:01 type geneve external
m: link set g0 up
m: neigh add 10.9.0.2 lladdr 02:00:00:00:09:02 dev g0 nud permanent
m: route add 10.2.0.0/24 encap ip id 9 dst 192.168.0.2 ttl 9 via 10.9.0.2 dev g0 onlink
n: link add g0 address 02:00:00:00:09:02 type geneve external
n: link set g0 up
n: neigh add 10.9.0.1 lladdr 02:00:00:00:09:01 dev g0 nud permanent
n: route add 10.1.0.0/24 encap ip id 9 dst 192.168.0.1 ttl 9 via 10.9.0.1 dev g0 onlink
"""
)
LOST = "no route to host, icmp 3/1 from 10.1.0.1"

TRAPS = (
    trap("geneve", GENEVE, "", {TCP: SERVED}),
    trap("another VNI", GENEVE, AGAIN.replace("SETTINGS", "id 8 remote 192.168.0.1"), {TCP: LOST}),
    trap("another remote", GENEVE, AGAIN.replace("SETTINGS", "id 9 remote 192.168.0.7"), {TCP: LOST}),
    trap(
        "another port", GENEVE, AGAIN.replace("SETTINGS", "id 9 remote 192.168.0.1 dstport 6082"), {TCP: LOST}
    ),
    trap("geneve by what routes say", EXTERNAL, "", {TCP: SERVED}),
    trap(
        "geneve by what routes say, to one with another remote",
        EXTERNAL,
        AGAIN.replace("SETTINGS", "id 9 remote 192.168.0.7"),
        {TCP: "timeout"},
    ),
    trap("geneve is down", GENEVE, "n: link set g0 down", {TCP: LOST}),
    trap("no route to the remote", GENEVE, "m: addr del 192.168.0.1/24 dev u", {TCP: LOST}),
    trap(
        "a packet too big for geneve",
        GENEVE,
        "",
        {"a udp 10.2.0.2 size=1500 df": "message too long, icmp 3/4 from 10.1.0.1"},
    ),
    trap(
        "too big for the way, cut outside",
        GENEVE,
        "m: link set g0 mtu 1500\nn: link set g0 mtu 1500",
        {"a udp 10.2.0.2 size=1500 df": SERVED},
    ),
    trap(
        "too big for the way, and must not be cut outside",
        GENEVE,
        "m: link set g0 type geneve id 9 remote 192.168.0.2 df set\n"
        "m: link set g0 mtu 1500\nn: link set g0 mtu 1500",
        {"a udp 10.2.0.2 size=1500 df": "timeout"},
    ),
)
CODES = {
    "another VNI": "tunnel.closed",
    "another remote": "tunnel.closed",
    "another port": "tunnel.closed",
    "geneve is down": "tunnel.closed",
    "no route to the remote": "route.none",
    "too big for the way, and must not be cut outside": "forwarding.too-big",
}
"""What the first flow's loss is called."""


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), ("geneve",))


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)


@pytest.mark.parametrize(("title", "code"), CODES.items())
def test_the_reason_is_what_was_changed(labs: GuestLabs, title: str, code: str) -> None:
    assert code in labs.loss_codes(title)
