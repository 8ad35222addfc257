"""`-m policy --dir out`: which packets IPsec is going to seal, as the guest's rules see it."""

import pytest

from kubectl_skoop.testing.trap import Trap, trap
from tests.kernel.guest.labs import GuestLabs
from tests.kernel.guest.test_ip_tunnels import PLAIN, SERVED, TCP
from tests.kernel.guest.test_ipsec import NODE, SILENT, TRANSPORT, UDP, WHOLE
from tests.kernel.guest.test_ipsec import TUNNEL as ROUTES

pytestmark = pytest.mark.guest

SEALED, PLAINLY = "-m policy --dir out --pol ipsec", "-m policy --dir out --pol none"
TUNNEL = "--proto esp --mode tunnel --tunnel-src 192.168.0.1 --tunnel-dst 192.168.0.2"
OWN, OWN_UDP = "m tcp 10.2.0.2", "m udp 10.2.0.2"
FROM_NODE, REFUSED = "answer, b sees 192.168.0.1", "operation not permitted"


def drop(*rules: str, chain: str = "FORWARD") -> str:
    return "".join(f"m: $ iptables-legacy -A {chain} {rule} -j DROP\n" for rule in rules)


TRAPS = (
    trap(
        "the state of a tunnel",
        WHOLE,
        drop(f"-p tcp {SEALED} --strict --reqid 1 {TUNNEL}"),
        {TCP: SILENT, UDP: SERVED},
    ),
    trap("what is sealed is not plain", WHOLE, drop(f"-p udp -o u {PLAINLY}"), {TCP: SERVED, UDP: SERVED}),
    trap(
        "states that differ",
        WHOLE,
        drop(
            f"-p udp {SEALED} --reqid 2",
            f"-p udp {SEALED} --mode transport --proto esp",
            f"-p udp {SEALED} --strict {TUNNEL.replace('0.2', '0.3')}",
            f"-p udp {SEALED} --strict --reqid 1 --next --reqid 1",
        ),
        {UDP: SERVED},
    ),
    trap("all but one reqid", WHOLE, drop(f"-p udp {SEALED} ! --reqid 2"), {TCP: SERVED, UDP: SILENT}),
    trap(
        "without IPsec",
        ROUTES,
        drop(f"-p udp {SEALED}", f"-p tcp -o u {PLAINLY}"),
        {TCP: SILENT, UDP: SERVED},
    ),
    trap(
        "what is sealed is not masqueraded",
        WHOLE,
        f"m: $ iptables-legacy -t nat -A POSTROUTING -o u {PLAINLY} -j MASQUERADE",
        {UDP: SERVED},
    ),
    trap(
        "accepted before it is masqueraded",
        WHOLE,
        f"m: $ iptables-legacy -t nat -A POSTROUTING -o u {SEALED} -j ACCEPT\n"
        "m: $ iptables-legacy -t nat -A POSTROUTING -o u -j MASQUERADE",
        {UDP: SERVED},
    ),
    trap(
        "what the node itself sends",
        NODE,
        drop(f"-p udp {SEALED}", f"-p tcp {PLAINLY}", f"-p esp {SEALED}", chain="OUTPUT"),
        {OWN: FROM_NODE, OWN_UDP: REFUSED},
    ),
    trap("once it is sealed it is plain", NODE, drop(f"-p esp {PLAINLY}", chain="OUTPUT"), {OWN: SILENT}),
    trap(
        "the state of mode transport",
        PLAIN + "".join(TRANSPORT),
        drop(f"-p udp {SEALED} --mode transport --proto esp --reqid 1", chain="OUTPUT"),
        {"m udp 192.168.0.2": REFUSED, "m tcp 192.168.0.2": "answer, n sees 192.168.0.1"},
    ),
)


@pytest.fixture(scope="module")
def labs(tmp_path_factory: pytest.TempPathFactory) -> GuestLabs:
    return GuestLabs(TRAPS, tmp_path_factory.mktemp("guest"), ("xfrm_user", "esp4"))


@pytest.mark.parametrize("tested", TRAPS, ids=lambda one: one.title)
def test_the_walk_says_what_the_kernel_does(labs: GuestLabs, tested: Trap) -> None:
    assert not labs.differences(tested)
