"""Conntrack's TCP states, step by step (nf_conntrack_proto_tcp.c)."""

import pytest

from kubectl_skoop.model.packet import TcpFlags
from kubectl_skoop.netstack.netfilter import tcp

SYN, ACK, FIN, RST, PSH, URG = (
    TcpFlags.SYN,
    TcpFlags.ACK,
    TcpFlags.FIN,
    TcpFlags.RST,
    TcpFlags.PSH,
    TcpFlags.URG,
)
Segments = list[tuple[TcpFlags, bool]]
"""Flags, and whether it is a reply."""


def run(segments: Segments) -> list[str]:
    states = [tcp.NONE]
    for flags, reply in segments:
        after = tcp.next_state(states[-1], flags, reply=reply)
        states.append(states[-1] if after == tcp.IGNORE else after)
    return states[1:]


HANDSHAKE: Segments = [(SYN, False), (SYN | ACK, True), (ACK, False)]


@pytest.mark.parametrize(
    ("segments", "states"),
    [
        (HANDSHAKE, ["SYN_SENT", "SYN_RECV", "ESTABLISHED"]),
        (
            [*HANDSHAKE, (FIN | ACK, False), (ACK, True), (FIN | ACK, True), (ACK, False)],
            ["SYN_SENT", "SYN_RECV", "ESTABLISHED", "FIN_WAIT", "CLOSE_WAIT", "LAST_ACK", "TIME_WAIT"],
        ),
        ([*HANDSHAKE, (RST, True)], ["SYN_SENT", "SYN_RECV", "ESTABLISHED", "CLOSE"]),
        ([(SYN, False), (RST | ACK, True)], ["SYN_SENT", "CLOSE"]),
        ([(SYN, False), (SYN, True)], ["SYN_SENT", "SYN_SENT2"]),
        ([*HANDSHAKE, (SYN, False)], ["SYN_SENT", "SYN_RECV", "ESTABLISHED", "ESTABLISHED"]),
        ([(SYN, False), (FIN | ACK, True)], ["SYN_SENT", "invalid"]),
        ([(SYN, False), (ACK, False)], ["SYN_SENT", "invalid"]),
    ],
    ids=[
        "a handshake",
        "a close",
        "a reset",
        "a refusal",
        "both open at once",
        "a SYN in the middle is ignored",
        "a FIN before the connection is open",
        "an ACK of nothing",
    ],
)
def test_states_of_a_connection(segments: Segments, states: list[str]) -> None:
    assert run(segments) == states


@pytest.mark.parametrize(
    ("flags", "valid"),
    [(SYN, True), (SYN | PSH, True), (SYN | FIN, False), (FIN, False), (URG | ACK, True), (SYN | RST, False)],
)
def test_combinations_of_flags(flags: TcpFlags, valid: bool) -> None:
    assert tcp.valid_flags(flags) is valid


@pytest.mark.parametrize(
    ("flags", "loose", "state"),
    [
        (SYN, False, "SYN_SENT"),
        (ACK, True, "ESTABLISHED"),
        (ACK, False, "invalid"),
        (SYN | ACK, True, "invalid"),
    ],
)
def test_a_segment_without_an_entry(flags: TcpFlags, loose: bool, state: str) -> None:
    assert tcp.new_state(flags, loose=loose) == state
