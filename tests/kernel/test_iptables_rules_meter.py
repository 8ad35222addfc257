"""Rules that count other traffic: the first packet of all meets them idle."""

import struct
from collections.abc import Iterator
from dataclasses import replace

import pytest

from kubectl_skoop.collect.netlink.socket import NETLINK_NETFILTER, NetlinkSocket
from kubectl_skoop.model.packet import Passage
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.netfilter.conntrack import track
from kubectl_skoop.netstack.netfilter.iptables.save import SavedChain, parse_save
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.netns import entered
from kubectl_skoop.testing.rule_lab import DATAGRAM, SENTINEL, RuleLab, rule_lab

pytestmark = pytest.mark.kernel

_NFNL_MSG_ACCT_NEW, _NFACCT_NAME = 7 << 8, 1
_CREATE_AND_ANSWER = 0x400 | 0x4

RULES = (
    "-m limit --limit 1/hour --limit-burst 1",
    "-m hashlimit --hashlimit-upto 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name a",
    "-m hashlimit --hashlimit-above 1/hour --hashlimit-burst 1 --hashlimit-mode srcip --hashlimit-name b",
    "-m connlimit --connlimit-above 0",
    "-m connlimit --connlimit-above 1",
    "-m connlimit --connlimit-upto 0",
    "-m connlimit --connlimit-upto 1 --connlimit-mask 24 --connlimit-daddr",
    "-m quota --quota 1000",
    "-m quota ! --quota 1000",
    "-m quota --quota 99",
    "-m quota --quota 100",
    "-m quota --quota 0",
    "-m connbytes --connbytes 1:1 --connbytes-mode packets --connbytes-dir original",
    "-m connbytes ! --connbytes 1:1 --connbytes-mode packets --connbytes-dir original",
    "-m connbytes --connbytes 100:100 --connbytes-mode bytes --connbytes-dir both",
    "-m connbytes --connbytes 100:100 --connbytes-mode avgpkt --connbytes-dir original",
    "-m connbytes --connbytes 0:0 --connbytes-mode bytes --connbytes-dir reply",
    "-m nfacct --nfacct-name counted",
    "-m statistic --mode random --probability 0.0",
    "-m statistic --mode random ! --probability 0.0",
    "-m statistic --mode nth --every 1 --packet 0",
)


@pytest.fixture
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def account(lab: RuleLab, name: str) -> None:
    """As `nfacct add` (linux/netfilter/nfnetlink_acct.h)."""
    attribute = name.encode() + b"\0"
    payload = bytes(4) + struct.pack("=HH", 4 + len(attribute), _NFACCT_NAME) + attribute
    with entered(lab.router.path), NetlinkSocket(NETLINK_NETFILTER) as asked:
        asked.request(_NFNL_MSG_ACCT_NEW, payload + bytes(-len(payload) % 4), _CREATE_AND_ANSWER)


@pytest.mark.parametrize("engine", ["legacy", "nft"])
def test_the_first_packet_meets_an_idle_meter(lab: RuleLab, engine: str) -> None:
    account(lab, "counted")
    rules = [f"-A FORWARD {rule}" for rule in (*RULES, f"-m comment --comment {SENTINEL}")]
    lab.load(engine, 4, "\n".join(["*mangle", *rules, "COMMIT", ""]))
    (chain,) = (
        base.table.chain(base.chain)
        for base in parse_save(lab.save(engine, 4), 4, "iptables-legacy")
        if base.hook is Hook.FORWARD and base.table.name == "mangle"
    )
    assert isinstance(chain, SavedChain)
    before = lab.counts(engine, 4)
    lab.send(DATAGRAM)
    after = lab.matched(engine, 4, before, len(before) - 1)
    ctx = RuleContext(
        stack=Stack(lab.ns, Choices()),
        hook=Hook.FORWARD,
        frame=replace(DATAGRAM, ttl=DATAGRAM.ttl - 1),
        passage=Passage(iif=lab.in_device),
        indev=lab.in_device,
        outdev=lab.out_device,
    )
    track(ctx.stack, ctx.packet, ctx.passage)
    wrong = [
        f"kernel {new > old}: {one.text}"
        for (_, one), new, old in zip(chain.all_rules, after, before, strict=True)
        if one.asks_for(ctx) != (new > old)
    ]
    assert not wrong
