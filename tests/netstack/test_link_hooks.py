"""Chains at bridges and devices and for ARP: which of them a frame comes to, and in which order."""

from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from kubectl_skoop.model.packet import Arp, Frame, Packet, Passage
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import link_hooks
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.load import load_netfilter
from kubectl_skoop.netstack.netfilter.types import Hook, LinkFamily, Netfilter
from kubectl_skoop.netstack.stack import Stack

ETH0 = Device(index=2, name="eth0", mac="02:00:00:00:00:01")
ASK = Arp(
    request=True,
    sender_mac="02:00:00:00:00:02",
    sender=IPv4Address("10.0.0.1"),
    target=IPv4Address("10.0.0.2"),
    src_mac="02:00:00:00:00:02",
)
TCP = Packet(src=IPv4Address("10.0.0.1"), dst=IPv4Address("10.0.0.2"), protocol=6, dst_mac=ETH0.mac)
DROP: list[object] = [{"drop": None}]


def netfilter(
    family: str,
    hook: str,
    rules: list[list[object]],
    *,
    raw: object = None,
    gaps: dict[str, str] | None = None,
    **chain: object,
) -> Netfilter:
    common = {"family": family, "table": "t"}
    listed: list[object] = [{"table": {"family": family, "name": "t"}}]
    listed.append({"chain": {**common, "name": "c", "type": "filter", "hook": hook, "prio": 0, **chain}})
    listed += [{"rule": {**common, "chain": "c", "expr": rule}} for rule in rules]
    nothing: dict[str, None] = dict.fromkeys(
        ("iptables_legacy", "ip6tables_legacy", "iptables_nft", "ip6tables_nft", "hook_order")
    )
    return load_netfilter(nft={"nftables": listed}, nft_raw=raw, gaps=gaps or {}, **nothing)


def stack(rules: Netfilter, *script: int) -> Stack:
    ns = NetworkNamespace(
        id="n1/1:1", place=Place("node", "n1"), node="n1", devices={2: ETH0}, netfilter=rules
    )
    return Stack(ns, Choices(script))


def passes(branch: Stack, family: LinkFamily, hook: Hook, frame: Frame = ASK) -> bool:
    return link_hooks.run(branch, family, hook, frame, Passage(), indev=2) is not None


@pytest.mark.parametrize(
    ("rules", "family", "hook", "passed"),
    [
        pytest.param(netfilter("arp", "input", [DROP]), "arp", Hook.INPUT, False, id="this hook"),
        pytest.param(netfilter("arp", "output", [DROP]), "arp", Hook.INPUT, True, id="another hook"),
        pytest.param(netfilter("bridge", "input", [DROP]), "arp", Hook.INPUT, True, id="another family"),
        pytest.param(
            netfilter("netdev", "ingress", [DROP], dev="eth0"),
            "netdev",
            Hook.INGRESS,
            False,
            id="this device",
        ),
        pytest.param(
            netfilter("netdev", "ingress", [DROP], dev=["lo", "eth1"]),
            "netdev",
            Hook.INGRESS,
            True,
            id="other devices",
        ),
        pytest.param(
            netfilter("netdev", "ingress", [DROP], dev="eth*"), "netdev", Hook.INGRESS, False, id="alike"
        ),
        pytest.param(
            netfilter("inet", "ingress", [], dev="eth0", policy="drop"),
            "netdev",
            Hook.INGRESS,
            True,
            id="inet has no eye for ARP",
        ),
    ],
)
def test_which_chains_a_frame_comes_to(
    rules: Netfilter, family: LinkFamily, hook: Hook, passed: bool
) -> None:
    branch = stack(rules)
    assert passes(branch, family, hook) is passed
    assert [loss.because.code for loss in branch.journey.losses] == ["netfilter.drop"] * (not passed)
    assert not branch.choices.made


def test_the_devices_that_nft_does_not_list_are_the_kernels() -> None:
    raw = {"chains": [{"family": 5, "table": "t", "name": "c", "devices": ["eth0"]}]}
    branch = stack(netfilter("netdev", "ingress", [DROP], raw=raw))
    assert not passes(branch, "netdev", Hook.INGRESS)


def test_without_its_devices_a_chain_may_be_anywhere() -> None:
    rules = netfilter("netdev", "ingress", [DROP])
    assert [passes(stack(rules, taken), "netdev", Hook.INGRESS) for taken in (0, 1)] == [False, True]
    idle = stack(netfilter("netdev", "ingress", []))
    assert passes(idle, "netdev", Hook.INGRESS)
    assert not idle.choices.made


def test_what_could_not_be_read_may_take_a_frame() -> None:
    rules = Netfilter(link_unknowns={"arp": (Unknown("nft: forbidden"),)})
    branch = stack(rules, 1)
    assert not passes(branch, "arp", Hook.INPUT)
    assert [loss.unknown is not None for loss in branch.journey.losses] == [True]
    assert passes(stack(rules, 0), "arp", Hook.INPUT)
    assert passes(stack(rules, 1), "netdev", Hook.INGRESS)


@pytest.mark.parametrize("rule", [[{"fwd": {"dev": "eth0"}}], [{"fwd": {"dev": "eth0"}}, {"drop": None}]])
def test_a_rule_that_sends_a_frame_in_a_circle_ends_it(rule: list[object]) -> None:
    branch = stack(netfilter("netdev", "egress", [rule], dev="eth0"))
    assert link_hooks.run(branch, "netdev", Hook.EGRESS, TCP, Passage(), outdev=2) is None
    assert [loss.because.code for loss in branch.journey.losses] == ["netfilter.drop"]


STATE: object = {"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "established"}}


def test_a_rule_that_asks_for_a_connection_has_the_bridge_track_it() -> None:
    branch = stack(netfilter("bridge", "forward", [[STATE, {"drop": None}]]))
    assert branch.ns.netfilter.bridge_conntrack
    seen, asked = Passage(), Passage()
    for frame, passage in ((replace(TCP, protocol=17), seen), (ASK, asked)):
        assert link_hooks.run(branch, "bridge", Hook.PREROUTING, frame, passage, indev=2) == frame
        assert link_hooks.run(branch, "bridge", Hook.FORWARD, frame, passage, indev=2) == frame
    assert (seen.ct_state, asked.ct_state) == ("NEW", "UNTRACKED")


@pytest.mark.parametrize("family", ["netdev", "arp"])
def test_where_the_kernel_takes_no_such_rule_it_is_unknown(family: LinkFamily) -> None:
    rules = netfilter(
        family, "ingress" if family == "netdev" else "input", [[STATE, {"drop": None}]], dev="eth0"
    )
    hook = Hook.INGRESS if family == "netdev" else Hook.INPUT
    assert [passes(stack(rules, taken), family, hook) for taken in (0, 1)] == [False, True]
