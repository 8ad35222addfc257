"""Why a bridge does not send a frame on."""

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.netstack.device import BR_STATE_FORWARDING, Device
from kubectl_skoop.netstack.devices import bridge_port
from kubectl_skoop.netstack.devices.bridge_port import STATE_NAMES
from kubectl_skoop.netstack.stack import Stack


def refuse_port(stack: Stack, bridge: Device, port: Device, frame: Frame) -> None:
    if not bridge.up:
        message, remedy = f"{bridge.name} is down", f"ip link set {bridge.name} up"
        evidence = f"{bridge.name}: not UP"
    elif not port.up or not port.carrier:
        message, remedy = f"port {port.name} of {bridge.name} is down", f"ip link set {port.name} up"
        evidence = f"{port.name}: down"
    else:
        own, counts = bridge_port.own_state(bridge, port), bridge_port.state(bridge, port, frame)
        of_vlan, state = own == BR_STATE_FORWARDING, STATE_NAMES.get(counts, str(counts))
        message = f"port {port.name} of {bridge.name} is {state}" + f" in VLAN {frame.vlan}" * of_vlan
        evidence = f"{port.name}: " + f"VLAN {frame.vlan} " * of_vlan + f"state {state}"
        remedy = (
            f"bridge vlan set vid {frame.vlan} dev {port.name} state 3, or let the daemon of MSTP do so"
            if of_vlan
            else f"bridge link set dev {port.name} state 3"
        )
    stack.lose(
        "bridge.port-down",
        frame,
        message,
        where=stack.where(device=bridge.name if not bridge.up else port.name),
        evidence=[evidence],
        remedy=remedy,
    )


def isolated(stack: Stack, bridge: Device, frame: Frame, source: Device | None) -> None:
    names = source.name if source else bridge.name
    isolated = [port.name for port in bridge_port.ports(stack, bridge) if bridge_port.isolated(port, source)]
    stack.lose(
        "bridge.isolated",
        frame,
        f"{names} and the destination's port of {bridge.name} are isolated from each other",
        where=stack.where(device=names),
        evidence=[f"{name}: isolated on" for name in dict.fromkeys([names, *isolated])],
        remedy=f"bridge link set dev {names} isolated off",
    )


def nowhere(
    stack: Stack,
    bridge: Device,
    frame: Frame,
    ports: list[Device],
    allowed: list[Device],
    source: Device | None,
) -> None:
    if any(bridge_port.isolated(port, source) for port in allowed):
        isolated(stack, bridge, frame, source)
        return
    closed = [port for port in allowed if not bridge_port.is_open(bridge, port, frame)]
    if closed:
        refuse_port(stack, bridge, closed[0], frame)
        return
    silent = [port.name for port in ports if port not in allowed]
    stack.lose(
        "bridge.no-destination",
        frame,
        f"{bridge.name} does not know {frame.dst_mac}"
        + (f" and may not flood to {', '.join(silent)}" if silent else " and has no other port"),
        where=stack.where(device=bridge.name),
        evidence=[f"{name}: flood off" for name in silent] or [f"{bridge.name}: ports: none other"],
        remedy="; ".join(f"bridge link set dev {name} flood on" for name in silent),
    )


def vlan(stack: Stack, bridge: Device, frame: Frame, ports: list[Device]) -> None:
    names = ", ".join(port.name for port in ports)
    stack.lose(
        "bridge.vlan",
        frame,
        f"no other port of {bridge.name} is in VLAN {frame.vlan} of the frame",
        where=stack.where(device=bridge.name),
        evidence=[f"{bridge.name}: vlan_filtering 1", f"not in VLAN {frame.vlan}: {names}"],
        remedy=f"bridge vlan add dev PORT vid {frame.vlan}",
    )
