"""ESP for packets of one IP version in tunnels of the other, and what does not fit IPv6 in mode transport."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs
from tests.kernel.guest.test_ip_tunnels import PLAIN6, SERVED, SERVED6, TCP, TCP6
from tests.kernel.guest.test_ipsec import A6, B6, GCM, M6, N6, SIX, A, B, M, N, policy, state

pytestmark = pytest.mark.guest

SILENT = "timeout"
BOTH = f"reqid 1 mode tunnel flag af-unspec {GCM}"
"""As key daemons make them (XFRM_STATE_AF_UNSPEC): for packets of either version."""


def policies(networks: tuple[str, str], ends: tuple[str, str]) -> str:
    there, back = (networks, ends), (networks[::-1], ends[::-1])
    return (
        policy("m", "out", *there)
        + policy("m", "fwd", *back)
        + policy("n", "out", *back)
        + policy("n", "fwd", *there)
    )


IN_FOUR = PLAIN6 + "m: route add fd02::/64 dev u\nn: route add fd01::/64 dev u\n" + policies((A6, B6), (M, N))
IN_SIX = """
wire a:eth0 m:pod
wire m:u n:u
wire n:pod b:eth0
a: addr add 10.1.0.2/24 dev eth0
a: route add default via 10.1.0.1
m: addr add 10.1.0.1/24 dev pod
m: addr add fd00:a::1/64 dev u nodad
m: route add 10.2.0.0/24 dev u
m: sysctl net.ipv4.ip_forward=1
n: addr add 10.2.0.1/24 dev pod
n: addr add fd00:a::2/64 dev u nodad
n: route add 10.1.0.0/24 dev u
n: sysctl net.ipv4.ip_forward=1
b: addr add 10.2.0.2/24 dev eth0
b: route add default via 10.2.0.1
""" + policies((A, B), (M6, N6))
SEALED6 = f"{SIX}n: no-listeners\nn: listen udp 53 ::\n" + "".join(
    f"{host}: xfrm policy add src {source} dst {to} dir {way} tmpl proto esp reqid 1 mode transport\n"
    for host, way, source, to in (
        ("m", "out", M6, N6),
        ("m", "in", N6, M6),
        ("n", "out", N6, M6),
        ("n", "in", M6, N6),
    )
)
TRANSPORT6 = f"reqid 1 mode transport {GCM}"
TRAPS = (
    trap(
        "IPv6 in IPv4",
        IN_FOUR + state("mn", 0x11, M, N, BOTH) + state("mn", 0x12, N, M, BOTH),
        "",
        {
            TCP6: SERVED6,
            "a udp [fd02::2] size=1446 df": SERVED6,
            "a udp [fd02::2] size=1447 df": "message too long, icmp 2/0 from fd01::1",
        },
        ipv6=True,
    ),
    trap(
        "IPv6 in IPv4, by states for IPv4 only",
        IN_FOUR + state("mn", 0x11, M, N) + state("mn", 0x12, N, M),
        "",
        {TCP6: SILENT},
        ipv6=True,
    ),
    trap(
        "IPv4 in IPv6",
        IN_SIX + state("mn", 0x11, M6, N6, BOTH) + state("mn", 0x12, N6, M6, BOTH),
        "",
        {
            TCP: SERVED,
            "a udp 10.2.0.2 size=1426 df": SERVED,
            "a udp 10.2.0.2 size=1427 df": "message too long, icmp 3/4 from 10.1.0.1",
        },
        ipv6=True,
    ),
    trap(
        "IPv6 in mode transport",
        SEALED6 + state("mn", 0x11, M6, N6, TRANSPORT6) + state("mn", 0x12, N6, M6, TRANSPORT6),
        "",
        {
            f"m udp [{N6}] size=1466 df": f"answer, n sees {M6}",
            f"m udp [{N6}] size=1467 df": "message too long",
            f"m udp [{N6}] size=1500 df": "message too long",
            f"m udp [{N6}] size=1501 df": "message too long",
            f"m udp [{N6}] size=1467": f"answer, n sees {M6}",
        },
        ipv6=True,
    ),
)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), ("xfrm_user", "esp4", "esp6"))


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)
