"""The packet that IPsec makes of another, and how long it is.

ESP as net/ipv4/esp4.c and net/ipv6/esp6.c make it, with a UDP header where the state says so
(esp_output_udp_encap); AH as net/ipv4/ah4.c and net/ipv6/ah6.c.
"""

from dataclasses import replace

from kubectl_skoop.model.packet import Address, IpsecHeader, Packet, Protocol
from kubectl_skoop.netstack.xfrm.ipsec_types import MODES, TRANSPORT, TUNNEL, Overhead, State

IP_HEADER = {4: 20, 6: 40}
ESP_HEADER, ESP_TRAILER = 8, 2
"""SPI and sequence number; length of the padding and next header; bytes."""
AH_HEADER, UDP_HEADER = 12, 8
"""Of AH without the check value; bytes."""
ALIGNMENT = 4


def inner_mtu(state: State, outer: int) -> int:
    """xfrm_state_mtu, bytes: how large a packet fits, where `outer` bytes fit what leaves."""
    overhead = _overhead(state)
    family = state.destination.version
    if state.protocol == Protocol.AH:
        return outer - ah_length(overhead) - (IP_HEADER[family] if state.mode == TUNNEL else 0)
    kept = IP_HEADER[family] if state.mode == TRANSPORT else 0
    block = max(overhead.block, ALIGNMENT)
    fixed = IP_HEADER[family] - kept + _before(state, overhead)
    return (outer - fixed - overhead.tag - kept) // block * block + kept - ESP_TRAILER


def ah_length(overhead: Overhead) -> int:
    """AH with its check value, bytes (ah_init_state)."""
    return -(-(AH_HEADER + overhead.tag) // overhead.block) * overhead.block


def outer(packet: Packet, state: State, own: Address) -> Packet:
    """What leaves: the packet in ESP or AH (xfrm4_tunnel_encap_add, xfrm6_tunnel_encap_add). `own`: the
    address that a tunnel has whose state names none."""
    tunnel = state.mode == TUNNEL
    source, destination = packet.src, packet.dst
    if tunnel:
        source, destination = state.source or own, state.destination
    ports = state.encapsulation
    header = IpsecHeader(
        protocol=state.protocol,
        spi=state.spi,
        mode=MODES.get(state.mode, ""),
        algorithm=state.algorithm,
        source=source,
        destination=destination,
        in_udp=ports is not None,
        ah_length=ah_length(_overhead(state)) if state.protocol == Protocol.AH else 0,
    )
    inner = replace(packet, src_mac="", dst_mac="", gso=False)
    if state.protocol == Protocol.AH and destination.version == 6:
        return _in_extension_header(inner, state, header)
    return Packet(
        src=source,
        dst=destination,
        protocol=Protocol.UDP if ports else state.protocol,
        sport=ports.sport if ports else 0,
        dport=ports.dport if ports else 0,
        length=_outer_length(packet, state),
        df=packet.df and (state.keeps_df or not tunnel),
        tos=packet.tos,
        ipsec=header,
        inner=inner,
    )


def _in_extension_header(inner: Packet, state: State, header: IpsecHeader) -> Packet:
    """AH is one in IPv6: rules and conntrack see the protocol behind it (ipv6_find_hdr, ipv6_skip_exthdr)."""
    length = _outer_length(inner, state)
    if state.mode == TRANSPORT:
        return replace(inner, length=length, ipsec=header, inner=inner)
    return Packet(
        src=header.source,
        dst=header.destination,
        protocol=Protocol.IPV6 if inner.family == 6 else Protocol.IPIP,
        length=length,
        tos=inner.tos,
        ipsec=header,
        inner=inner,
    )


def _outer_length(packet: Packet, state: State) -> int:
    """Bytes."""
    overhead = _overhead(state)
    tunnel, header = state.mode == TUNNEL, IP_HEADER[state.destination.version]
    carried = packet.length - (0 if tunnel else header)
    if state.protocol == Protocol.AH:
        return header + ah_length(overhead) + carried
    block = max(overhead.block, ALIGNMENT)
    whole = -(-(carried + ESP_TRAILER) // block) * block
    return header + _before(state, overhead) + whole + overhead.tag


def _before(state: State, overhead: Overhead) -> int:
    """What comes between the IP header and what is encrypted, bytes (esp_init_state)."""
    return ESP_HEADER + overhead.vector + (UDP_HEADER if state.encapsulation else 0)


def _overhead(state: State) -> Overhead:
    if state.overhead is None:
        raise ValueError("what a state adds to its packets must be known")
    return state.overhead
