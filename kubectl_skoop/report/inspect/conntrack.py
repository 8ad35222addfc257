"""`conntrack -L`."""

from collections.abc import Iterator

from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.report.inspect.words import PROTOCOLS, TCP_CONNTRACK_STATES, word
from kubectl_skoop.snapshot.decode.entry import Entry

_SEEN_REPLY, _ASSURED = 0x02, 0x04
_ICMP = (1, 58)


def print_conntrack(state: State) -> Iterator[str]:
    for row in state.rows("conntrack"):
        yield " ".join(_entry(row))


def _entry(row: Entry) -> Iterator[str]:
    protocol = row.entry("orig").entry("proto").number("num")
    yield f"{PROTOCOLS.get(protocol, 'unknown'):8} {protocol} {row.number('timeout', 0)}"
    tcp = row.entry("protoinfo").entry("tcp")
    if "state" in tcp.fields:
        yield word(TCP_CONNTRACK_STATES, tcp.number("state"))
    status = row.number("status")
    yield from _direction(row.entry("orig"))
    if not status & _SEEN_REPLY:
        yield "[UNREPLIED]"
    yield from _direction(row.entry("reply"))
    if status & _ASSURED:
        yield "[ASSURED]"
    yield f"mark={row.number('mark', 0)}"
    if zone := row.number("zone", 0):
        yield f"zone={zone}"
    if "use" in row.fields:
        yield f"use={row.number('use')}"


def _direction(row: Entry) -> Iterator[str]:
    addresses, protocol = row.entry("ip"), row.entry("proto")
    yield f"src={addresses.text('src')} dst={addresses.text('dst')}"
    if "src_port" in protocol.fields:
        yield f"sport={protocol.number('src_port')} dport={protocol.number('dst_port')}"
    if protocol.number("num") in _ICMP and "icmp_type" in protocol.fields:
        yield (
            f"type={protocol.number('icmp_type')} code={protocol.number('icmp_code')} "
            f"id={protocol.number('icmp_id')}"
        )
