"""VLAN filtering of a bridge (net/bridge/br_vlan.c): which VLAN a frame belongs to, which ports are in it.

While a frame is inside of a bridge that filters, `vlan` is its VLAN, however it came in. Tags of another
protocol than the bridge's (802.1Q, 802.1ad) are payload to it.
"""

from dataclasses import replace
from typing import TypeVar

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.netstack import gap
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import vlan_tag
from kubectl_skoop.netstack.stack import Stack

F = TypeVar("F", bound=Frame)


def filters(bridge: Device) -> bool:
    return bridge.bridge is not None and bridge.bridge.vlan_filtering


def key(bridge: Device, frame: Frame) -> int:
    """The VLAN by which forwarding entries are looked up; 0 where none is told apart."""
    return frame.vlan or 0 if filters(bridge) else 0


def ingress(stack: Stack, bridge: Device, port: Device, frame: F) -> F | None:
    """br_allowed_ingress; `port` is the bridge itself for what it sends. None: the frame ended here."""
    if bridge.bridge is None or not bridge.bridge.vlan_filtering:
        return frame
    where = stack.where(device=port.name)
    if unread := gap.table(stack, "bridge_vlans", "vlan_states") or _no_states(bridge, port):
        stack.give_up("bridge.vlan", frame, unread, where=where)
        return None
    if frame.vlan and frame.vlan_protocol == bridge.bridge.vlan_protocol:
        if member(bridge, port, frame):
            return frame
        _refuse(stack, bridge, port, frame, f"is not in VLAN {frame.vlan} of the frame", f"vid {frame.vlan}")
        return None
    pvid = next((vlan.vid for vlan in port.vlans if vlan.pvid), None)
    if pvid is None:
        _refuse(stack, bridge, port, frame, "takes no frames without a VLAN tag", "vid VID pvid untagged")
        return None
    below = frame if frame.vlan else replace(frame, vlan=None)
    return vlan_tag.pushed(below, pvid, bridge.bridge.vlan_protocol)


def _no_states(bridge: Device, port: Device) -> str:
    """With MST they alone count. Without, an older agent's dump is taken to have them all forwarding."""
    if bridge.bridge is None or not bridge.bridge.mst or all(vlan.state is not None for vlan in port.vlans):
        return ""
    return f"the states of {bridge.name}'s ports in single VLANs (MST) were not collected"


def member(bridge: Device, port: Device, frame: Frame) -> bool:
    """br_allowed_egress: the port, or the bridge itself, is in the frame's VLAN."""
    return not filters(bridge) or any(vlan.vid == frame.vlan for vlan in port.vlans)


def egress(bridge: Device, port: Device, frame: F) -> F:
    """br_handle_vlan: without the tag, where the port has the VLAN untagged."""
    untagged = any(vlan.vid == frame.vlan and vlan.untagged for vlan in port.vlans)
    return vlan_tag.popped(frame) if untagged and filters(bridge) else frame


def lose(stack: Stack, bridge: Device, port: Device, frame: Frame) -> None:
    """The destination is behind a port that is not in the frame's VLAN."""
    _refuse(stack, bridge, port, frame, f"is not in VLAN {frame.vlan} of the frame", f"vid {frame.vlan}")


def _refuse(stack: Stack, bridge: Device, port: Device, frame: Frame, reason: str, add: str) -> None:
    itself = port.index == bridge.index
    stack.lose(
        "bridge.vlan",
        frame,
        f"{port.name} {reason}" if itself else f"port {port.name} of {bridge.name} {reason}",
        where=stack.where(device=port.name),
        evidence=[f"{bridge.name}: vlan_filtering 1", f"{port.name}: {_listed(port)}"],
        remedy=f"bridge vlan add dev {port.name} {add}" + " self" * itself,
    )


def _listed(port: Device) -> str:
    """As `bridge vlan show` has it."""
    texts = [
        f"{vlan.vid}" + (" PVID" if vlan.pvid else "") + (" Egress Untagged" if vlan.untagged else "")
        for vlan in port.vlans[:20]
    ]
    return "VLANs " + (", ".join(texts) or "none")
