"""Tags of VLANs, one above the other (802.1Q, 802.1ad; include/linux/if_vlan.h)."""

from dataclasses import replace
from typing import TypeVar

from kubectl_skoop.model.packet import ETHERTYPE_8021Q, Frame, Tag

F = TypeVar("F", bound=Frame)
LENGTH = 4
"""Bytes."""


def pushed(frame: F, vlan: int, protocol: int) -> F:
    """With one more tag, in front of those that it has."""
    below = frame.inner_tags
    if frame.vlan is not None:
        below = (Tag(frame.vlan, frame.vlan_protocol), *below)
    return replace(frame, vlan=vlan, vlan_protocol=protocol, inner_tags=below)


def popped(frame: F) -> F:
    """Without its outer tag."""
    if not frame.inner_tags:
        return replace(frame, vlan=None, vlan_protocol=ETHERTYPE_8021Q)
    tag, *below = frame.inner_tags
    return replace(frame, vlan=tag.vlan, vlan_protocol=tag.protocol, inner_tags=tuple(below))
