"""bond: several ports as one device (drivers/net/bonding/bond_main.c, bond_alb.c).

Which port a hash or a turn chooses is not computed: each is followed, and where they do not agree it is
unknown. The ports in use are those that the kernel names: active, and not left out by LACP.
"""

from dataclasses import replace

from kubectl_skoop.model.packet import Arp, Frame, Packet, PacketType, Passage, is_group
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack import xmit
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices import lower_ports
from kubectl_skoop.netstack.devices.stacked_types import Bond
from kubectl_skoop.netstack.stack import Stack

ACTIVE_BACKUP, BROADCAST, LACP, TLB, ALB = 1, 3, 4, 5, 6
MODES = ("balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb")


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """bond_start_xmit: out by the port in use, by all of them, or by one of those that work."""
    where = stack.where(device=device.name)
    if device.bond is None or device.bond.mode >= len(MODES):
        reason = f"{device.name} is a bond in a mode that is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=where)
        return
    ports = lower_ports.of(stack, device)
    if _by_active_port(device.bond, frame):
        usable = [port for port in ports if port.index == device.bond.active]
    else:
        usable = [port for port in ports if _works(port)]
    if not usable:
        stack.lose(
            "bond.no-port",
            frame,
            f"{device.name} has no port that it could send by",
            where=where,
            evidence=[_text(port) for port in ports] or [f"{device.name} has no port"],
            remedy=f"bring a port of {device.name} up",
        )
        return
    if device.bond.mode == BROADCAST:
        for port in usable:
            xmit.transmit(stack, port, frame, passage)
        return
    port = lower_ports.one_of(stack, device, usable)
    xmit.transmit(stack, port, _as_sent_by(device.bond, port, frame), passage)


def _by_active_port(bond: Bond, frame: Frame) -> bool:
    """Modes tlb and alb choose a port for packets to one station, alb for its answers to ARP, too
    (bond_xmit_tlb_slave_get, bond_xmit_alb_slave_get, rlb_arp_xmit)."""
    if bond.mode == TLB:
        return isinstance(frame, Arp) or is_group(frame.dst_mac)
    if bond.mode == ALB:
        return is_group(frame.dst_mac) or frame.asks or (isinstance(frame, Packet) and bool(frame.discovery))
    return bond.mode == ACTIVE_BACKUP


def _as_sent_by(bond: Bond, port: Device, frame: Frame) -> Frame:
    """Each port has its own MAC in modes tlb and alb, the active one that of the bond (bond_do_alb_xmit)."""
    if bond.mode not in (TLB, ALB) or port.index == bond.active:
        return frame
    if isinstance(frame, Arp):
        return replace(frame, src_mac=port.mac, sender_mac=port.mac)
    return replace(frame, src_mac=port.mac)


def receive(stack: Stack, bond: Device, port: Device, frame: Frame, passage: Passage) -> None:
    """bond_handle_frame: as one that came in by the bond, unless it came by a port that is not in use."""
    config = bond.bond
    if config is None or config.mode >= len(MODES):
        reason = f"{bond.name} is a bond in a mode that is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=port.name))
    elif _is_deaf(config, port, passage) and not config.all_active:
        active = stack.ns.device_name(config.active) if config.active else "none"
        stack.lose(
            "bond.inactive-port",
            frame,
            f"{port.name} is not a port that {bond.name} uses: what comes in there is dropped",
            where=stack.where(device=port.name),
            evidence=[f"{bond.name}: {MODES[config.mode]}, active port {active}", _text(port)],
            remedy=f"let the other side send to {active}, or use mode 802.3ad"
            if config.active
            else f"let the other side of {port.name} speak LACP for the same aggregate",
        )
    else:
        receiving.take(stack, bond, frame, passage)


def _is_deaf(bond: Bond, port: Device, passage: Passage) -> bool:
    """bond_should_deliver_exact_match: in mode alb a port that is not the active one takes frames for one
    station only, in mode tlb none."""
    if bond.mode == ALB and passage.packet_type in (PacketType.HOST, PacketType.OTHER_HOST):
        return False
    if bond.mode in (TLB, ALB):
        return port.index != bond.active
    return bond.mode in (ACTIVE_BACKUP, LACP) and port.bond_port is not None and port.bond_port.backup


def _works(port: Device) -> bool:
    state = port.bond_port
    return port.up and port.carrier and (state is None or (state.up and not state.backup))


def _text(port: Device) -> str:
    state = port.bond_port
    return lower_ports.text(port, "backup" if state is not None and state.backup else "active")
