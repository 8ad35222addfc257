"""Ports of a device that sends by several (bond, team)."""

from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack


def of(stack: Stack, device: Device) -> list[Device]:
    return [port for port in stack.ns.devices.values() if port.master == device.index]


def one_of(stack: Stack, device: Device, usable: list[Device]) -> Device:
    """Which a hash or a turn chooses is not computed: each is followed."""
    for port in usable[:-1]:
        reason = f"{device.name} chooses one of its ports by a hash or in turn: whether {port.name}"
        if stack.choices.undecided(Unknown(reason)):
            return port
    return usable[-1]


def text(port: Device, state: str) -> str:
    words = [f"{port.name}:", "UP" if port.up else "not UP", "" if port.carrier else "NO-CARRIER", state]
    return " ".join(filter(None, words))
