"""ESP that comes in: the state that opens it (net/xfrm/xfrm_input.c; net/ipv4/xfrm4_input.c).

Whether both ends have the same key is not known, nor what a replay window remembers.
"""

from kubectl_skoop.model.packet import Packet, Passage
from kubectl_skoop.netstack import ip
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm import ipsec_out
from kubectl_skoop.netstack.xfrm.ipsec_types import MODES, TUNNEL, State


def receive(stack: Stack, device: Device, packet: Packet, passage: Passage) -> None:
    """xfrm_input: by destination, SPI and mark; from a tunnel the packet comes in by the device once more."""
    esp, inner, where = packet.esp, packet.inner, stack.where(device=device.name)
    if esp is None or not isinstance(inner, Packet):
        stack.give_up("device.unmodelled", packet, "an ESP packet of unknown content", where=where)
        return
    state = _state(stack, packet, passage.mark, esp.spi)
    if state is None:
        _without_state(stack, packet, esp.spi, device)
        return
    if state.unmodelled or state.incoming is False:
        reason = f"IPsec state {state}: {state.unmodelled or 'its direction'} is not modelled"
        stack.give_up("unknown", packet, reason, where=where)
        return
    mode = MODES.get(state.mode, "")
    if (esp.mode, esp.algorithm) != (mode, state.algorithm):
        stack.lose(
            "ipsec.state",
            packet,
            f"{packet.src} seals otherwise than {stack.ns.place} opens (SPI 0x{esp.spi:08x})",
            where=where,
            evidence=[
                str(state),
                f"{packet.src}: {esp.algorithm}, {esp.mode}",
                f"here: {state.algorithm}, {mode}",
            ],
            remedy="give the states of both ends the same algorithms and mode",
        )
        return
    stack.assumptions.append(f"both ends of the IPsec state with SPI 0x{esp.spi:08x} have the same key")
    stack.step("tunnel", str(state), "opened", device=device.name)
    beside = Passage(mark=ipsec_out.marked(passage.mark, state.set_mark), opened=state)
    with receiving.deeper(stack, device, packet) as goes_on:
        if goes_on and state.mode == TUNNEL:
            receiving.receive(stack, device.index, inner, beside)
        elif goes_on:
            beside.iif = device.index
            ip.receive(stack, device, inner, beside)


def _state(stack: Stack, packet: Packet, mark: int, spi: int) -> State | None:
    """xfrm_state_lookup."""
    wanted = (packet.dst, packet.protocol, spi)
    for state in stack.ns.ipsec.states or ():
        if (state.destination, state.protocol, state.spi) == wanted and state.mark.of(mark):
            return state
    return None


def _without_state(stack: Stack, packet: Packet, spi: int, device: Device) -> None:
    """XfrmInNoStates: nobody is told."""
    where = stack.where(device=device.name)
    states = stack.ns.ipsec.states
    if states is None:
        stack.give_up("unknown", packet, "which IPsec states there are was not collected", where=where)
        return
    stack.lose(
        "ipsec.state",
        packet,
        f"{stack.ns.place} has no IPsec state with SPI 0x{spi:08x} for packets to {packet.dst}",
        where=where,
        evidence=ipsec_out.texts([state for state in states if state.destination == packet.dst]),
        remedy=f"look why the key daemons do not agree: ip xfrm state, here and at {packet.src}",
    )
