"""-j SNPT and -j DNPT against the kernel: which address stands in the packet behind them."""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from random import Random

import pytest

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.netfilter.iptables.rule import parse_rule
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext, Stolen
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.rule_lab import DATAGRAM6, RuleLab, rule_lab
from tests.kernel.counted import load_saved

pytestmark = pytest.mark.kernel

PREFIXES = (
    ("fd77:1::/64", "fd99:0:0:7::/64"),
    ("fd77:1::/64", "fd77:1::/64"),
    ("fd77:1::/48", "2001:db8:1::/48"),
    ("fd77::/32", "2001:db8::/48"),
    ("fd77:1:0:8000::/49", "fdff:ffff:ffff:ff00::/56"),
    ("fd77:1::/62", "fe00::/10"),
)
HOSTS = (
    "fd77:1::2",
    "fd77:1:0:1:ffff:ffff:0:9",
    "fd77:1:0:ffff::9",
    "fd77:1:0:8001:ffff:ffff:ffff:1",
    *(str(IPv6Address(0xFD77 << 112 | Random(seed).getrandbits(112))) for seed in range(4)),
)
NO_ROOM = "fd77:1::ffff:ffff:ffff:ffff"
"""The last 64 bits of it are ones, so that none can make up for a prefix."""


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def behind(lab: RuleLab, target: str, packet: Packet) -> Packet | None:
    """What the target makes of it here; None: unknown."""
    hook = Hook.POSTROUTING if "SNPT" in target else Hook.PREROUTING
    ctx = RuleContext(stack=Stack(lab.ns, Choices()), hook=hook, frame=packet, passage=Passage())
    verdict = parse_rule(f"-A {hook.upper()} {target}", 6).if_matched(ctx)
    return None if isinstance(verdict, Stolen) else ctx.packet


@pytest.mark.parametrize(("old", "new"), PREFIXES)
@pytest.mark.parametrize("name", ["SNPT", "DNPT"])
def test_an_address_is_mapped_as_the_kernel_does(lab: RuleLab, name: str, old: str, new: str) -> None:
    target = f"-j {name} --src-pfx {old} --dst-pfx {new}"
    chain, option = ("POSTROUTING", "-s") if name == "SNPT" else ("PREROUTING", "-d")
    for host in HOSTS:
        changed = {"src" if name == "SNPT" else "dst": ip_address(host)}
        sent = replace(DATAGRAM6, **changed)  # type: ignore[arg-type]
        found = behind(lab, target, sent)
        assert found is not None
        address = found.src if name == "SNPT" else found.dst
        rules = [f"{option} {host}", f"-p udp {target}", f"{option} {address}", f"! {option} {address}"]
        counted = load_saved(lab.router, {chain: rules}, 6)
        counted.arrives(lab, sent)
        assert not counted.unknown


def test_what_has_no_room_for_the_checksum_is_unknown(lab: RuleLab) -> None:
    """The kernel drops it, with an answer."""
    target = "-j SNPT --src-pfx fd77:1::/64 --dst-pfx fd99::/64"
    assert behind(lab, target, replace(DATAGRAM6, src=ip_address(NO_ROOM))) is None
