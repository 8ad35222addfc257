"""-m connbytes as iptables-save prints it: the first packet of a connection meets it."""

from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.conntrack import track
from kubectl_skoop.netstack.netfilter.iptables.rule import parse_rule
from kubectl_skoop.netstack.netfilter.types import Hook, RuleContext
from kubectl_skoop.netstack.stack import Stack

CASES = {
    "exactly one packet": ("1:1", "original", True),
    "one packet or more, which is printed without a colon": ("1", "original", True),
    "two packets or more": ("2", "original", False),
    "0:0 and 0: are printed alike": ("0", "original", None),
    "no packet is both 0:0 and 0:": ("0", "reply", True),
    "at most one packet": ("0:1", "both", True),
}


@pytest.mark.parametrize(("interval", "direction", "matched"), CASES.values(), ids=CASES)
def test_a_count_of_packets_is_asked_for(interval: str, direction: str, matched: bool | None) -> None:
    line = f"-A X -m connbytes --connbytes {interval} --connbytes-mode packets --connbytes-dir {direction}"
    stack = Stack(NetworkNamespace(id="n/1", place=Place("node", "n"), node="n"), Choices())
    packet = Packet(
        src=ip_address("10.0.0.1"), dst=ip_address("10.0.0.2"), protocol=Protocol.UDP, sport=40000, dport=53
    )
    passage = Passage()
    track(stack, packet, passage)
    ctx = RuleContext(stack=stack, hook=Hook.FORWARD, frame=packet, passage=passage)
    answer = parse_rule(line, 4).asks_for(ctx)
    assert (None if isinstance(answer, Unknown) else answer) is matched
