"""What -j TCPMSS makes of a SYN: the kernel's own `-m tcpmss` behind it tells."""

from collections.abc import Iterator
from ipaddress import ip_address
from itertools import pairwise

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol, TcpFlags
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, parse_save
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.route_oracle import read_state
from kubectl_skoop.testing.rule_lab import ROUTER_MAC, SENDER_MAC, SENTINEL, RuleLab, rule_lab

pytestmark = pytest.mark.kernel

ROUTES = """\
route add 10.77.2.9/32 dev out0 mtu 1330
route add fd77:2::9/128 dev out0 mtu 1330
route add 10.77.1.9/32 dev in0 mtu 1350
route add fd77:1::9/128 dev in0 mtu 1350
"""
TARGETS = ("TCPMSS --set-mss 1300", "TCPMSS --clamp-mss-to-pmtu", "TCPOPTSTRIP --strip-options mss")
PAIRS = {
    4: (("10.77.1.2", "10.77.2.2"), ("10.77.1.9", "10.77.2.2"), ("10.77.1.9", "10.77.2.9")),
    6: (("fd77:1::2", "fd77:2::2"), ("fd77:1::9", "fd77:2::2"), ("fd77:1::9", "fd77:2::9")),
}
BARE = {4: 40, 6: 60}


@pytest.fixture(scope="module", params=[(1500, 1500), (1500, 1400), (1380, 1500)], ids=str)
def lab(request: pytest.FixtureRequest) -> Iterator[RuleLab]:
    near, far = request.param
    mtus = f"link set in0 mtu {near}\nlink set out0 mtu {far}\n"
    with rule_lab(router_commands=mtus + ROUTES) as made:
        yield made


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("family", [4, 6])
@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_the_mss_becomes_what_the_kernel_makes_of_it(
    lab: RuleLab, engine: str, family: int, target: str
) -> None:
    syn = "-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN"
    values = (536, 1200, 1220, 1270, 1290, 1300, 1310, 1320, 1340, 1360, 1440, 1460, 8960)
    steps = [f"{syn} -m tcpmss --mss {low}:{high}" for low, high in pairwise(values)]
    steps += [f"{syn} -m tcpmss --mss {value}" for value in values]
    rules = [f"{syn} -j {target}", *steps, f"{syn} -m tcp --tcp-option 2", f"{syn} -m length --length 44"]
    rules.append(f"-A FORWARD -m comment --comment {SENTINEL}")
    lab.load(engine, family, "\n".join(["*mangle", *rules, "COMMIT", ""]))
    try:
        (chain,) = (
            base.table.chain(base.chain)
            for base in parse_save(lab.save(engine, family), family, "iptables-legacy")
            if base.hook is Hook.FORWARD and base.table.name == "mangle"
        )
        assert isinstance(chain, SavedChain)
        ns = read_state(lab.router.path)
        before = lab.counts(engine, family)
        for source, destination in PAIRS[family]:
            for mss in (0, 1200, 1460, 8960):
                length = BARE[family] + (4 if mss else 0)
                sent = Packet(
                    src=ip_address(source),
                    dst=ip_address(destination),
                    protocol=Protocol.TCP,
                    sport=1000,
                    dport=80,
                    flags=TcpFlags.SYN,
                    mss=mss,
                    length=length,
                    src_mac=SENDER_MAC,
                    dst_mac=ROUTER_MAC,
                )
                ctx = RuleContext(
                    stack=Stack(ns, Choices()),
                    hook=Hook.FORWARD,
                    frame=sent,
                    passage=Passage(iif=lab.in_device),
                    indev=lab.in_device,
                    outdev=lab.out_device,
                )
                lab.send(sent)
                after = lab.matched(engine, family, before, len(before) - 1)
                for (_, one), new, old in zip(chain.all_rules, after, before, strict=True):
                    assert one.asks_for(ctx) == (new > old), (one.text, ctx.packet.mss, mss, destination)
                    one.evaluate(ctx)
                before = after
    finally:
        lab.load(engine, family, "*mangle\nCOMMIT\n")
