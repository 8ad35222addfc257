"""A device whose settings could not be read: nobody knows whether it takes a packet."""

from dataclasses import replace
from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, Passage, Protocol, SealedFor
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.device import IFF_UP, Device
from kubectl_skoop.netstack.devices.wireguard_types import Wireguard
from kubectl_skoop.netstack.l4 import transport
from kubectl_skoop.netstack.stack import Stack
from tests.netstack.builders import routed

REASON = "forbidden: not allowed"
PACKET = Packet(
    src=ip_address("10.1.0.2"),
    dst=ip_address("10.2.0.2"),
    protocol=Protocol.UDP,
    sport=51820,
    dport=51820,
    sealed=SealedFor("a", "b"),
)


@pytest.mark.parametrize(
    ("config", "unknown"),
    [(None, True), (Wireguard("b", port=1), False)],
    ids=["not collected", "it listens elsewhere"],
)
def test_a_packet_for_a_device(config: Wireguard | None, unknown: bool) -> None:
    host = routed()["b"]
    device = Device(index=9, name="wg0", kind="wireguard", flags=IFF_UP, wireguard=config)
    gaps = {} if config else {"wireguard": REASON}
    ns = replace(host, devices={**host.devices, 9: device}, gaps=gaps)
    stack = Stack(ns, Choices())
    transport.deliver(stack, next(iter(ns.devices.values())), PACKET, Passage())
    (loss,) = stack.journey.losses
    assert (loss.unknown is not None) == unknown
    assert (REASON in loss.because.message) == unknown
