"""ESP and AH that come in: the state that opens them (net/xfrm/xfrm_input.c; net/ipv4/xfrm4_input.c).

Whether both ends have the same key is not known, nor what a replay window remembers.
"""

from collections.abc import Sequence
from dataclasses import replace

from kubectl_skoop.model.packet import IpsecHeader, Packet, Passage, Protocol
from kubectl_skoop.netstack import ip
from kubectl_skoop.netstack import receive as receiving
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.stack import Stack
from kubectl_skoop.netstack.xfrm import ipsec_out, sealing
from kubectl_skoop.netstack.xfrm.ipsec_types import MODES, NAMES, TRANSPORT, TUNNEL, State


def receive(stack: Stack, device: Device, packet: Packet, passage: Passage) -> None:
    """xfrm_input: by destination, SPI and mark; from a tunnel the packet comes in by the device once more."""
    header, inner, where = packet.ipsec, packet.inner, stack.where(device=device.name)
    if header is None or not isinstance(inner, Packet):
        stack.give_up("device.unmodelled", packet, "an IPsec packet of unknown content", where=where)
        return
    state = state_of(stack, packet, header, passage.mark)
    if state is None:
        _without_state(stack, packet, header, device)
        return
    if state.unmodelled or state.incoming is False:
        reason = f"IPsec state {state}: {state.unmodelled or 'its direction'} is not modelled"
        stack.give_up("unknown", packet, reason, where=where)
        return
    if differing := _differing(packet, header, state):
        stack.lose(
            "ipsec.state",
            packet,
            f"{header.source} seals otherwise than {stack.ns.place} opens (SPI 0x{header.spi:08x})",
            where=where,
            evidence=[str(state), *differing],
            remedy="give the states of both ends the same algorithms, mode and encapsulation",
        )
        return
    if _lost_by_translation(stack, packet, header, inner, state, device):
        return
    stack.assumptions.append(f"both ends of the IPsec state with SPI 0x{header.spi:08x} have the same key")
    stack.step("tunnel", str(state), "opened", device=device.name)
    beside = Passage(mark=ipsec_out.marked(passage.mark, state.set_mark), opened=state)
    with receiving.deeper(stack, device, packet) as goes_on:
        if goes_on and state.mode == TUNNEL:
            receiving.receive(stack, device.index, inner, beside)
        elif goes_on:
            beside.iif = device.index
            ip.receive(stack, device, replace(inner, src=packet.src, dst=packet.dst), beside)


def state_of(stack: Stack, packet: Packet, header: IpsecHeader, mark: int) -> State | None:
    """xfrm_state_lookup."""
    wanted = (packet.dst, header.protocol, header.spi)
    for state in stack.ns.ipsec.states or ():
        if (state.destination, state.protocol, state.spi) == wanted and state.mark.of(mark):
            return state
    return None


def _differing(packet: Packet, header: IpsecHeader, state: State) -> Sequence[str]:
    """What of the packet is not as the state opens it: both, each by a text; XfrmInStateMismatch for UDP."""
    mode, name = MODES.get(state.mode, ""), NAMES.get(header.protocol, "")
    if header.in_udp != (state.encapsulation is not None):
        there, here = ("in UDP", "without UDP") if header.in_udp else ("without UDP", "in UDP")
        return f"{packet.src}: {name} {there}", f"here: {name} {here}"
    if (header.mode, header.algorithm) != (mode, state.algorithm):
        return f"{header.source}: {header.algorithm}, {header.mode}", f"here: {state.algorithm}, {mode}"
    if header.protocol == Protocol.AH and state.overhead is not None:
        length = sealing.ah_length(state.overhead)
        if header.ah_length != length:
            return f"{header.source}: AH of {header.ah_length} bytes", f"here: AH of {length} bytes"
    return ()


def _lost_by_translation(
    stack: Stack, packet: Packet, header: IpsecHeader, inner: Packet, state: State, device: Device
) -> bool:
    """NAT on the way changed what AH protects, or what checksums inside count in (RFC 3948, 3.1.2): with ESP
    in UDP they are not looked at (esp_input_done2), and ICMP of IPv4 has none of the addresses."""
    transport = header.mode == MODES[TRANSPORT]
    ends = [(header.source, header.destination), (packet.src, packet.dst)]
    translated = ends[0] != ends[1]
    if header.protocol == Protocol.AH:
        with_ports = transport and packet.family == 6
        ported = with_ports and (packet.sport, packet.dport) != (inner.sport, inner.dport)
        lost, why = translated or ported, "AH protects the addresses of a packet"
        remedy = "use ESP in UDP (NAT-T), or no NAT between the ends of AH"
    else:
        counted = transport and not header.in_udp and inner.protocol != Protocol.ICMP
        lost, why = translated and counted, "checksums in mode transport count the addresses of a packet"
        remedy = "use ESP in UDP (NAT-T), or mode tunnel"
    if not lost:
        return False
    stack.lose(
        "ipsec.translated",
        packet,
        f"{why}, and NAT on the way has changed them",
        where=stack.where(device=device.name),
        evidence=[
            str(state),
            *(f"{text}: {src} > {dst}" for text, (src, dst) in zip(_WHEN, ends, strict=True)),
        ],
        remedy=remedy,
    )
    return True


_WHEN = ("sealed", "came in")


def _without_state(stack: Stack, packet: Packet, header: IpsecHeader, device: Device) -> None:
    """XfrmInNoStates: nobody is told."""
    where = stack.where(device=device.name)
    states = stack.ns.ipsec.states
    if states is None:
        stack.give_up("unknown", packet, "which IPsec states there are was not collected", where=where)
        return
    stack.lose(
        "ipsec.state",
        packet,
        f"{stack.ns.place} has no IPsec state with SPI 0x{header.spi:08x} for packets to {packet.dst}",
        where=where,
        evidence=ipsec_out.texts([state for state in states if state.destination == packet.dst]),
        remedy=f"look why the key daemons do not agree: ip xfrm state, here and at {packet.src}",
    )
