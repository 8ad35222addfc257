"""Forwarding entries of a bridge, those of the snapshot and those learned (net/bridge/br_fdb.c)."""

from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.neighbours.neighbour_types import FdbEntry
from kubectl_skoop.netstack.stack import Stack


def entry(stack: Stack, bridge: Device, mac: str, vlan: int) -> FdbEntry | None:
    """Of the snapshot, and of a port; `vlan` is 0 where VLANs are not told apart."""
    found = stack.ns.bridge_fdb.get((bridge.index, vlan, mac), ())
    return next((one for one in found if not one.local), None)


def is_local(stack: Stack, bridge: Device, mac: str, vlan: int) -> bool:
    """The bridge's own and its ports' MACs have entries for each of their VLANs, too."""
    if mac == bridge.mac and not vlan:
        return True
    return any(one.local for one in stack.ns.bridge_fdb.get((bridge.index, vlan, mac), ()))


def port_of(stack: Stack, bridge: Device, mac: str, vlan: int) -> int | None:
    """br_fdb_find_rcu: the index of the port that a MAC is known by."""
    known = entry(stack, bridge, mac, vlan)
    learned = stack.fdb.get((bridge.index, vlan, mac))
    if learned is not None and not (known is not None and known.sticky):
        return learned
    return None if known is None else known.port
