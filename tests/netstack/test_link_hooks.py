"""Chains of the link families may decide: a walk that meets one has two ways, and says so."""

from ipaddress import IPv4Address

import pytest

from kubectl_skoop.model.packet import Arp
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.link_hooks import passes
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.types import LinkChain, Netfilter
from kubectl_skoop.netstack.stack import Stack

ETH0 = Device(index=2, name="eth0", mac="02:00:00:00:00:01")
ASK = Arp(
    request=True,
    sender_mac=ETH0.mac,
    sender=IPv4Address("10.0.0.1"),
    target=IPv4Address("10.0.0.2"),
)


def stack(chain: LinkChain, *script: int) -> Stack:
    ns = NetworkNamespace(
        id="n1/1:1",
        place=Place("node", "n1"),
        node="n1",
        devices={2: ETH0},
        netfilter=Netfilter(link_chains=(chain,)),
    )
    return Stack(ns, Choices(script))


@pytest.mark.parametrize(
    ("chain", "asked"),
    [
        pytest.param(LinkChain(family="arp", table="t", chain="c", hook="input"), True, id="the same hook"),
        pytest.param(LinkChain(family="arp", table="t", chain="c", hook="output"), False, id="another hook"),
        pytest.param(
            LinkChain(family="bridge", table="t", chain="c", hook="input"), False, id="another family"
        ),
        pytest.param(
            LinkChain(family="arp", table="t", chain="c", hook="input", devices=("eth0",)),
            True,
            id="this device",
        ),
        pytest.param(
            LinkChain(family="arp", table="t", chain="c", hook="input", devices=("eth1",)),
            False,
            id="another device",
        ),
    ],
)
def test_only_a_chain_of_this_hook_is_asked(chain: LinkChain, asked: bool) -> None:
    branch = stack(chain, 1)
    assert passes(branch, "arp", "input", ETH0, ASK) is not asked
    assert [choice.reason != "" for choice in branch.choices.made] == [True] * asked
    assert [loss.because.code for loss in branch.journey.losses] == ["bridge.program"] * asked


def test_the_other_way_goes_on() -> None:
    branch = stack(LinkChain(family="arp", table="t", chain="c", hook="input"), 0)
    assert passes(branch, "arp", "input", ETH0, ASK)
    assert not branch.journey.losses
