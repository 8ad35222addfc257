"""bond: several ports as one device (drivers/net/bonding/bond_main.c: bond_start_xmit, bond_handle_frame).

Which port a hash or a turn chooses is not computed: each is followed, and where they do not agree it is
unknown. The modes tlb and alb, which change MACs, are not modelled.
"""

from kubectl_skoop.model.packet import Frame, Passage
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack import xmit
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack

ACTIVE_BACKUP, BROADCAST = 1, 3
MODELLED = frozenset({0, ACTIVE_BACKUP, 2, BROADCAST, 4})


def transmit(stack: Stack, device: Device, frame: Frame, passage: Passage) -> None:
    """bond_start_xmit: out by the port in use, by all of them, or by one of those that work."""
    where = stack.where(device=device.name)
    if device.bond is None or device.bond.mode not in MODELLED:
        reason = f"{device.name} is a bond in mode tlb or alb, which is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=where)
        return
    ports = [port for port in stack.ns.devices.values() if port.master == device.index]
    if device.bond.mode == ACTIVE_BACKUP:
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
    xmit.transmit(stack, _one_of(stack, device, usable), frame, passage)


def receive(stack: Stack, bond: Device, port: Device, frame: Frame, passage: Passage) -> None:
    """bond_handle_frame: as one that came in by the bond, unless it came by a port that is not in use."""
    config, state = bond.bond, port.bond_port
    if config is None or config.mode not in MODELLED:
        reason = f"{bond.name} is a bond in mode tlb or alb, which is not modelled"
        stack.give_up("device.unmodelled", frame, reason, where=stack.where(device=port.name))
    elif config.mode == ACTIVE_BACKUP and state is not None and state.backup and not config.all_active:
        stack.lose(
            "bond.inactive-port",
            frame,
            f"{port.name} is not the port that {bond.name} uses: what comes in there is dropped",
            where=stack.where(device=port.name),
            evidence=[f"{bond.name}: active port {stack.ns.device_name(config.active)}", _text(port)],
            remedy=f"let the other side send to {stack.ns.device_name(config.active)}, or use mode 802.3ad",
        )
    else:
        receiving.receive(stack, bond.index, frame, passage)


def _works(port: Device) -> bool:
    state = port.bond_port
    return port.up and port.carrier and (state is None or (state.up and not state.backup))


def _one_of(stack: Stack, device: Device, usable: list[Device]) -> Device:
    for port in usable[:-1]:
        reason = f"{device.name} chooses one of its ports by a hash or in turn: whether {port.name}"
        if stack.choices.undecided(Unknown(reason)):
            return port
    return usable[-1]


def _text(port: Device) -> str:
    state = port.bond_port
    words = [f"{port.name}:", "UP" if port.up else "not UP", "" if port.carrier else "NO-CARRIER"]
    return " ".join([*filter(None, words), "backup" if state is not None and state.backup else "active"])
