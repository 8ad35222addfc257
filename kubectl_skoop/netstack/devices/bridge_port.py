"""The ports of a bridge, and whether they take part (net/bridge/br_private.h, br_forward.c, br_mst.c)."""

from collections.abc import Iterator

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.netstack.device import BR_STATE_FORWARDING, BridgePort, Device
from kubectl_skoop.netstack.devices import bridge_vlan
from kubectl_skoop.netstack.stack import Stack

STATE_NAMES = {0: "disabled", 1: "listening", 2: "learning", 3: "forwarding", 4: "blocking"}


def ports(stack: Stack, bridge: Device) -> Iterator[Device]:
    """The newest first (new_nbp adds at the head), by their indexes."""
    return (
        device
        for _, device in sorted(stack.ns.devices.items(), reverse=True)
        if device.master == bridge.index
    )


def own_state(bridge: Device, port: Device) -> int:
    """With MST it does not count, even where no VLANs are told apart (br_mst_is_enabled)."""
    if bridge.bridge is not None and bridge.bridge.mst:
        return BR_STATE_FORWARDING
    return (port.port or BridgePort()).state


def state(bridge: Device, port: Device, frame: Frame) -> int:
    """For what is in the frame's VLAN: the port's own, unless it forwards and the VLAN's is another
    (__allowed_ingress, br_allowed_egress). Of VLANs whose state is not known: forwarding."""
    own = own_state(bridge, port)
    if own != BR_STATE_FORWARDING or not bridge_vlan.filters(bridge):
        return own
    states = (vlan.state for vlan in port.vlans if vlan.vid == frame.vlan and vlan.state is not None)
    return next(states, BR_STATE_FORWARDING)


def is_open(bridge: Device, port: Device, frame: Frame) -> bool:
    return port.up and port.carrier and state(bridge, port, frame) == BR_STATE_FORWARDING


def isolated(port: Device, source: Device | None) -> bool:
    if source is None:
        return False
    return (port.port or BridgePort()).isolated and (source.port or BridgePort()).isolated
