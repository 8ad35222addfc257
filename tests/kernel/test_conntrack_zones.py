"""Zones of conntrack, of both directions or one, and from the mark: does the answer find its flow?"""

from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from itertools import count, product

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.traverse import Passed, traverse
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.rule_lab import (
    FAR_ROUTER_MAC,
    RECEIVER_MAC,
    ROUTER_MAC,
    SENDER_MAC,
    SENTINEL,
    RuleLab,
    rule_lab,
)

pytestmark = pytest.mark.kernel

ZONES = (
    "",
    "-j CT --zone 5",
    "-j CT --zone-orig 5",
    "-j CT --zone-reply 5",
    "-j CT --zone mark",
    "-j CT --zone-orig mark",
)
STATES = ("NEW", "ESTABLISHED")
PORTS = count(3000)


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


def forwarded(stack: Stack, lab: RuleLab, packet: Packet, *, back: bool) -> str:
    """The state at FORWARD."""
    devices = (lab.out_device, lab.in_device) if back else (lab.in_device, lab.out_device)
    passage, state = Passage(iif=devices[0]), ""
    for hook in (Hook.PREROUTING, Hook.FORWARD, Hook.POSTROUTING):
        indev = devices[0] if hook is not Hook.POSTROUTING else 0
        outdev = devices[1] if hook is not Hook.PREROUTING else 0
        assert isinstance(traverse(stack, hook, packet, passage, indev=indev, outdev=outdev), Passed)
        state = passage.ct_state
    return state


@pytest.mark.parametrize(("there", "back"), list(product(ZONES, ZONES)))
def test_the_answer_finds_its_flow_or_not(lab: RuleLab, there: str, back: str) -> None:
    rules = ["*raw", "-A PREROUTING -j MARK --set-mark 5"]
    rules += [
        f"-A PREROUTING -i {device} {rule}" for device, rule in (("in0", there), ("out0", back)) if rule
    ]
    rules += ["COMMIT", "*mangle"]
    rules += [f"-A FORWARD -m conntrack --ctstate {state}" for state in STATES]
    rules += [f"-A FORWARD -m comment --comment {SENTINEL}", "COMMIT", ""]
    lab.load("legacy", 4, "\n".join(rules))
    saved = lab.save("legacy", 4)
    netfilter = load_netfilter(
        iptables_legacy=saved,
        ip6tables_legacy=None,
        iptables_nft=None,
        ip6tables_nft=None,
        nft=None,
        nft_raw=None,
        hook_order=None,
        gaps={},
    )
    stack = Stack(replace(lab.ns, netfilter=netfilter), Choices())
    request = Packet(
        src=ip_address("10.77.1.2"),
        dst=ip_address("10.77.2.2"),
        protocol=Protocol.UDP,
        sport=next(PORTS),
        dport=2000,
        length=100,
        src_mac=SENDER_MAC,
        dst_mac=ROUTER_MAC,
    )
    answer = replace(
        request,
        src=request.dst,
        dst=request.src,
        sport=request.dport,
        dport=request.sport,
        src_mac=RECEIVER_MAC,
        dst_mac=FAR_ROUTER_MAC,
    )
    lines = [line for line in saved.splitlines() if line.startswith("-A ")]
    first = next(place for place, line in enumerate(lines) if "--ctstate NEW" in line)
    sentinel = next(place for place, line in enumerate(lines) if SENTINEL in line)
    for packet, is_back in ((request, False), (answer, True)):
        before = lab.counts("legacy", 4)
        lab.send(packet, back=is_back)
        after = lab.matched("legacy", 4, before, sentinel)
        seen = [state for place, state in enumerate(STATES, start=first) if after[place] > before[place]]
        assert [forwarded(stack, lab, packet, back=is_back)] == seen
