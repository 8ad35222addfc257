"""What comes in for a protocol that is not modelled."""

from ipaddress import ip_address

import pytest

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.model.verdict import Choices, Unknown
from kubectl_skoop.netstack.l4.transport import deliver
from kubectl_skoop.netstack.stack import Stack
from tests.netstack.builders import routed


@pytest.mark.parametrize("protocol", [4, 47, 50, 132])
def test_the_kernel_may_take_it(protocol: int) -> None:
    stack = Stack(routed()["b"], Choices())
    packet = Packet(src=ip_address("10.1.0.2"), dst=ip_address("10.2.0.2"), protocol=protocol)
    deliver(stack, stack.ns.devices[2], packet, Passage())
    (loss,) = stack.journey.losses
    assert loss.unknown == Unknown(f"delivery of IP protocol {protocol} is not modelled")
    assert not stack.out
