"""Rules of ebtables and arptables that make no sense, or that nobody knows, are unknown, not an error."""

from functools import partial
from ipaddress import IPv4Address

import pytest

from kubectl_skoop.model.packet import Arp, Packet, Passage
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.arptables.rule import expressions as arp_expressions
from kubectl_skoop.netstack.netfilter.ebtables.rule import expressions
from kubectl_skoop.netstack.netfilter.ebtables.save import parse_save
from kubectl_skoop.netstack.netfilter.saved_link_rule import SavedRule
from kubectl_skoop.netstack.netfilter.types import Continue, Drop, Hook, LinkFamily, RuleContext, Stolen
from kubectl_skoop.netstack.stack import Stack

FRAME = Packet(
    src=IPv4Address("10.0.0.1"),
    dst=IPv4Address("10.0.0.2"),
    protocol=6,
    src_mac="02:00:00:00:00:01",
    dst_mac="02:00:00:00:00:02",
)


ARP = Arp(
    request=True,
    sender_mac="02:00:00:00:00:01",
    sender=IPv4Address("10.0.0.1"),
    target=IPv4Address("10.0.0.2"),
    src_mac="02:00:00:00:00:01",
    dst_mac="ff:ff:ff:ff:ff:ff",
)


def outcomes(line: str, family: LinkFamily = "bridge") -> list[object]:
    """Of the rule, if what it asks is so and if not."""
    read = expressions if family == "bridge" else partial(arp_expressions, chains=())
    ns = NetworkNamespace(
        id="n/1", place=Place("node", "n"), node="n", devices={2: Device(index=2, name="p")}
    )
    found: list[object] = []
    for taken in (0, 1):
        context = RuleContext(
            stack=Stack(ns, Choices((taken,))),
            hook=Hook.FORWARD,
            frame=FRAME if family == "bridge" else ARP,
            passage=Passage(),
            indev=2,
            family=family,
        )
        found.append(SavedRule(line, "filter FORWARD rule 1", family, read).evaluate(context))
    return found


@pytest.mark.parametrize(
    "line",
    [
        "-A FORWARD --unheard 1 -j DROP",
        "-A FORWARD -p IPv4 --ip-sport x -j DROP",
        "-A FORWARD --mark nonsense -j DROP",
        "-A FORWARD -s 02:zz -j DROP",
        "-A FORWARD --ip-src 10.0.0.0/255.0.255.0 -j DROP",
        "-A FORWARD 'unclosed",
    ],
)
def test_a_match_that_is_not_known_is_followed_both_ways(line: str) -> None:
    matched, passed = outcomes(line)
    assert isinstance(matched, Drop | Stolen)
    assert passed == Continue() or isinstance(passed, Stolen)


@pytest.mark.parametrize(
    "line",
    [
        "-A FORWARD --h-length abc -j DROP",
        "-A FORWARD --h-type 08 -j DROP",
        "-A FORWARD ! --h-length 6 -j DROP",
        "-A FORWARD --opcode Request -j DROP",
        "-A FORWARD -s zz -j DROP",
        "-A FORWARD -s 10.0.0.0/255.0.255.0 -j DROP",
        "-A FORWARD --src-mac 02:zz -j DROP",
    ],
)
def test_a_match_of_arptables_that_is_not_known_is_followed_both_ways(line: str) -> None:
    matched, passed = outcomes(line, "arp")
    assert isinstance(matched, Drop | Stolen)
    assert passed == Continue() or isinstance(passed, Stolen)


@pytest.mark.parametrize("target", ["arpreply --arpreply-mac 02:00:00:00:00:09", "mark --mark-over 5"])
def test_a_target_that_is_not_known_takes_the_frame(target: str) -> None:
    assert all(isinstance(one, Stolen) for one in outcomes(f"-A FORWARD -j {target}"))


@pytest.mark.parametrize("text", ["", "nonsense", "-A FORWARD -j DROP", "*filter\n-A FORWARD -j DROP\n"])
def test_a_text_without_chains_has_none(text: str) -> None:
    assert all(chains == [] for _, chains in parse_save(text))


def test_a_jump_to_nowhere_is_unknown() -> None:
    ((_, (chain,)),) = parse_save("*filter\n:FORWARD ACCEPT\n-A FORWARD -j GONE\n")
    assert isinstance(chain.base.table.chain("GONE"), Unknown)
