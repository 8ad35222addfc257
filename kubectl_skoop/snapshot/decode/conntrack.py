"""Conntrack entries."""

from ipaddress import ip_network

from kubectl_skoop.model.packet import Address, Network, Protocol
from kubectl_skoop.netstack.conntrack_types import ConntrackCut, ConntrackEntry, Expectation, Tuple
from kubectl_skoop.snapshot.decode.entry import Entry, entries, parse_address, table_map

NF_CT_EXPECT_INACTIVE = 0x2
LABEL_BYTES = 16
"""NF_CT_LABELS_MAX_SIZE"""
_TCP_STATES = (
    "NONE",
    "SYN_SENT",
    "SYN_RECV",
    "ESTABLISHED",
    "FIN_WAIT",
    "CLOSE_WAIT",
    "LAST_ACK",
    "TIME_WAIT",
    "CLOSE",
    "SYN_SENT2",
)


def decode_conntrack(data: object) -> tuple[ConntrackEntry, ...]:
    """Raises: FormatError."""
    return tuple(_entry(entry) for entry in entries(data, "$.conntrack"))


def decode_expectations(data: object) -> tuple[Expectation, ...]:
    """Without those that do not count yet. Raises: FormatError."""
    return tuple(
        _expectation(entry)
        for entry in entries(data, "$.expectations")
        if not entry.number("flags", 0) & NF_CT_EXPECT_INACTIVE
    )


def _expectation(entry: Entry) -> Expectation:
    wanted, mask = _tuple(entry.entry("tuple")), entry.entry("mask")
    width = wanted.src.max_prefixlen
    bits = max(0, min(mask.number("source_bits"), width))
    return Expectation(
        wanted=wanted,
        source_mask=(1 << width) - (1 << width - bits),
        port_mask=mask.number("port_mask"),
        master=_tuple(entry.entry("master")),
        zone=entry.number("zone", 0),
        helper=entry.text("helper", ""),
        translates="nat" in entry.fields,
    )


def decode_conntrack_cut(data: object) -> ConntrackCut:
    """Raises: FormatError."""
    root = Entry(table_map(data, "$.conntrack_cut"), "$.conntrack_cut")
    written = root.texts("only")
    kept = [_addresses(root, item) for item in written if "/" not in item]
    return ConntrackCut(
        addresses=frozenset(item[0] for item in kept if len(item) == 1),
        pairs=frozenset(frozenset(item) for item in kept if len(item) == 2),
        networks=tuple(_network(root, item) for item in written if "/" in item),
        everything=not written,
        left_out=root.number("left_out"),
    )


def _addresses(root: Entry, item: str) -> tuple[Address, ...]:
    """Of `ADDRESS`, or of `ADDRESS-ADDRESS`: what is between the two."""
    try:
        return tuple(map(parse_address, item.split("-")))
    except ValueError as error:
        raise root.wrong("only", str(error)) from error


def _network(root: Entry, item: str) -> Network:
    try:
        return ip_network(item)
    except ValueError as error:
        raise root.wrong("only", str(error)) from error


def _entry(entry: Entry) -> ConntrackEntry:
    original = _tuple(entry.entry("orig"))
    zone = entry.number("zone", 0)
    return ConntrackEntry(
        original=original,
        reply=_tuple(entry.entry("reply")),
        status=entry.number("status"),
        tcp_state=_tcp_state(entry) if original.protocol == Protocol.TCP else "",
        mark=entry.number("mark", 0),
        zone=zone or entry.entry("orig").number("zone", 0),
        reply_zone=zone or entry.entry("reply").number("zone", 0),
        timeout=entry.number("timeout", 0),
        helper=entry.entry("help").text("name", ""),
        master=_tuple(entry.entry("master")) if "master" in entry.fields else None,
        labels=_labels(entry),
    )


def _labels(entry: Entry) -> int | None:
    """Numbers of the processor (unsigned long): those that have the lowest byte first, which is assumed."""
    if "labels" not in entry.fields:
        return 0
    written = entry.fields["labels"]
    known = isinstance(written, bytes) and 0 < len(written) <= LABEL_BYTES
    return int.from_bytes(written, "little") if known and isinstance(written, bytes) else None


def _tuple(entry: Entry) -> Tuple:
    addresses, protocol = entry.entry("ip"), entry.entry("proto")
    number = protocol.number("num")
    if number in (Protocol.ICMP, Protocol.ICMPV6):
        sport = protocol.number("icmp_id", 0)
        dport = protocol.number("icmp_type", 0) << 8 | protocol.number("icmp_code", 0)
    else:
        sport, dport = protocol.number("src_port", 0), protocol.number("dst_port", 0)
    return Tuple(
        src=addresses.address("src"),
        dst=addresses.address("dst"),
        protocol=number,
        sport=sport,
        dport=dport,
    )


def _tcp_state(entry: Entry) -> str:
    tcp = entry.entry("protoinfo").entry("tcp")
    number = tcp.number("state", 0)
    if not 0 <= number < len(_TCP_STATES):
        raise tcp.wrong("state", f"no TCP state: {number}")
    return _TCP_STATES[number]
