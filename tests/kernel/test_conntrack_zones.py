"""Zones of conntrack, of both directions or one, and from the mark: does the answer find its flow?"""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from itertools import count, product

import pytest

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.outcome import Passed
from kubectl_skoop.netstack.netfilter.traverse import traverse
from kubectl_skoop.netstack.netfilter.types import Hook
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.testing.looking import readable
from kubectl_skoop.testing.netns import Namespace, entered
from kubectl_skoop.testing.rule_lab import (
    DATAGRAM,
    FAR_ROUTER_MAC,
    RECEIVER_MAC,
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
ETH_P_IP = 0x0800
ETH_P_IP_BYTES = socket.htons(ETH_P_IP)
QUIET = 0.05
STATES = ("NEW", "ESTABLISHED")
PORTS = count(3000)


@pytest.fixture(scope="module")
def lab() -> Iterator[RuleLab]:
    with rule_lab() as made:
        yield made


@pytest.fixture(scope="module")
def taps(lab: RuleLab) -> Iterator[dict[bool, socket.socket]]:
    """What comes out of the router: at the receiver (False), and back at the sender (True)."""
    with ExitStack() as opened:
        found = {}
        for back, letter, device in ((False, "d", "in0"), (True, "s", "out0")):
            with entered(Namespace(lab.router.name[:-1] + letter).path):
                tap = opened.enter_context(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, ETH_P_IP_BYTES))
            tap.bind((device, ETH_P_IP))
            found[back] = tap
        yield found


def came_out(tap: socket.socket) -> bool:
    for _ in readable([tap], QUIET):
        _, address = tap.recvfrom(2048)
        if address[2] != socket.PACKET_OUTGOING:
            return True
    return False


def forwarded(stack: Stack, lab: RuleLab, packet: Packet, *, back: bool) -> tuple[str, bool]:
    """The state at FORWARD, and whether it leaves: at the end an entry like it may be there (K-20)."""
    devices = (lab.out_device, lab.in_device) if back else (lab.in_device, lab.out_device)
    passage, state = Passage(iif=devices[0]), ""
    for hook in (Hook.PREROUTING, Hook.FORWARD):
        outdev = devices[1] if hook is not Hook.PREROUTING else 0
        assert isinstance(traverse(stack, hook, packet, passage, indev=devices[0], outdev=outdev), Passed)
        state = passage.ct_state
    end = traverse(stack, Hook.POSTROUTING, packet, passage, indev=0, outdev=devices[1])
    return state, isinstance(end, Passed)


@pytest.mark.parametrize(("there", "back"), list(product(ZONES, ZONES)))
def test_the_answer_finds_its_flow_or_not(
    lab: RuleLab, taps: dict[bool, socket.socket], there: str, back: str
) -> None:
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
    request = replace(DATAGRAM, sport=next(PORTS))
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
        state, leaves = forwarded(stack, lab, packet, back=is_back)
        assert ([state], leaves) == (seen, came_out(taps[is_back]))
