"""Tunnels in IPv6 packets: what the tables decide; the guest's labs prove the rest."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.model.packet import Packet, Passage, Protocol
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import ip6_tunnel, ip6_tunnel_error
from kubectl_skoop.netstack.devices.ip6_tunnel_types import Ip6Tunnel
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.snapshot.decode.entry import Entry
from kubectl_skoop.snapshot.decode.tunnels6 import decode_tunnel6
from tests.netstack.builders import End, host

HERE, THERE = ip_address("fd00::1"), ip_address("fd00::2")
INNER = Packet(src=ip_address("10.1.0.2"), dst=ip_address("10.2.0.2"), protocol=Protocol.UDP, dport=53)
OUTER = Packet(src=THERE, dst=HERE, protocol=Protocol.IPIP, inner=INNER)


def stack(*tunnels: Device) -> Stack:
    end = End(name="eth0", index=2, peer=("b", 2), address="fd00::1/64")
    pod = End(name="pod", index=3, peer=("c", 2), address="10.9.0.254/24")
    return Stack(host("a", end, pod, devices=tunnels), Choices())


def tunnel(index: int, name: str, kind: str = "ip6tnl", **settings: object) -> Device:
    return Device(index=index, name=name, kind=kind, tunnel6=Ip6Tunnel(**settings))  # type: ignore[arg-type]


def taker(outer: Packet, *tunnels: Device) -> str:
    """The name of the device that takes a packet; empty: none."""
    walked = stack(*tunnels)
    ip6_tunnel.receive(walked, outer, Passage(iif=2))
    return next((step.where.device for step in walked.trace if step.effect == "decapsulated"), "")


def test_both_ends_come_before_one_and_the_local_one_before_the_remote() -> None:
    both = tunnel(5, "both", local=HERE, remote=THERE)
    own, other = tunnel(6, "own", local=HERE), tunnel(7, "other", remote=THERE)
    assert taker(OUTER, other, own, both) == "both"
    assert taker(OUTER, other, own) == "own"
    assert taker(OUTER, other) == "other"


def test_gre_asks_for_the_remote_before_the_local_end() -> None:
    own, other = tunnel(6, "own", "ip6gre", local=HERE), tunnel(7, "other", "ip6gre", remote=THERE)
    assert taker(replace(OUTER, protocol=Protocol.GRE), own, other) == "other"


def test_without_ends_only_the_device_of_the_module_takes_what_is_left() -> None:
    assert taker(OUTER, tunnel(5, "mine")) == ""
    assert taker(OUTER, tunnel(5, "ip6tnl0")) == "ip6tnl0"


def told(error: Packet) -> list[str]:
    """What is sent when an error comes in about a packet of the tunnel tn."""
    walked = stack(tunnel(5, "tn", local=HERE, remote=THERE))
    ip6_tunnel_error.relay(walked, error)
    return [step.text for step in walked.trace if step.kind == "send" and "ICMP" in step.text]


def error(kind: int, mtu: int = 0, inner: int = 1400) -> Packet:
    sent = replace(INNER, src=ip_address("10.9.0.1"), length=inner, df=True)
    outer = Packet(src=HERE, dst=THERE, protocol=Protocol.IPIP, length=inner + 48, inner=sent)
    return replace(OUTER, protocol=Protocol.ICMPV6, icmp_type=kind, icmp_mtu=mtu, quoted=outer, inner=None)


def test_who_sent_the_inner_packet_is_told_of_errors_about_the_outer_one() -> None:
    assert told(error(1)) == ["ICMP 3/1"]
    assert told(error(2, mtu=1400)) == ["ICMP 3/4 mtu 1352"]
    assert told(error(2, mtu=1400, inner=1352)) == []
    assert told(error(4)) == []


@pytest.mark.parametrize(
    ("kind", "fields", "expected"),
    [
        ("ip6tnl", {"flags": 0x1, "proto": 41}, Ip6Tunnel(protocol=41, encap_limit=False)),
        ("ip6tnl", {"flags": 0x2, "encap_limit": 4}, Ip6Tunnel(inherit_class=True)),
        ("ip6tnl", {"flowinfo": 0x01200007, "fwmark": 5}, Ip6Tunnel(traffic_class=0x12, mark=5)),
        (
            "ip6gre",
            {"iflags": 0x2000, "ikey": 7, "flags": 0x60},
            Ip6Tunnel(protocol=47, input_key=7, inherit_mark=True, local_remote=True),
        ),
        ("ip6gre", {"13": b"\0\0\0\0"}, Ip6Tunnel(protocol=47, unmodelled="its flags were not collected")),
        (
            "ip6tnl",
            {"collect_metadata": True, "remote": "::"},
            Ip6Tunnel(unmodelled="what it does with a packet is decided outside of it (external mode)"),
        ),
    ],
)
def test_settings_are_those_of_netlink(kind: str, fields: dict[str, object], expected: Ip6Tunnel) -> None:
    assert decode_tunnel6(kind, Entry(fields, "$")) == expected


def test_a_setting_of_another_type_is_damage() -> None:
    with pytest.raises(FormatError):
        decode_tunnel6("ip6tnl", Entry({"ttl": "many"}, "$"))
