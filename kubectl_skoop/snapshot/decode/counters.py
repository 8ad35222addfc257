"""What was counted since the start of a kernel, a namespace or a device; and how full queues are now."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.netstack.device import Device
from kubectl_skoop.snapshot.decode.entry import Entry, entries, table_map

BYTES = frozenset({"bfifo", "tbf"})
"""Queueing disciplines whose limit is one of bytes."""


class Traffic(NamedTuple):
    """IFLA_STATS64 of one direction, frames since the device was made."""

    packets: int
    lost: Mapping[str, int]
    """What is not zero, by its name there."""


class Queue(NamedTuple):
    """A queueing discipline of a device (RTM_GETQDISC)."""

    device: int
    """Its index."""
    kind: str
    handle: int
    sent: int
    """Packets."""
    drops: int
    length: int
    """Packets in it now."""
    backlog: int
    """The same in bytes."""
    limit: int | None
    """Packets or bytes (`BYTES`); None: none, or not told."""

    @property
    def full(self) -> bool:
        return bool(self.limit) and (self.backlog if self.kind in BYTES else self.length) >= (self.limit or 0)

    @property
    def text(self) -> str:
        """As `tc -s qdisc` prints it."""
        unit = "b" if self.kind in BYTES else "p"
        limit = f" limit {self.limit}{unit}" if self.limit is not None else ""
        return (
            f"qdisc {self.kind} {self.handle >> 16:x}:{limit} sent {self.sent} pkt dropped {self.drops} "
            f"backlog {self.backlog}b {self.length}p"
        )


class Counters(NamedTuple):
    """Of /proc/net; a file or a column that was not collected counts nothing."""

    accepted: int = 0
    """Connections that listeners made (Tcp PassiveOpens)."""
    overflows: int = 0
    """SYNs and last ACKs dropped at a full queue of a listener (TcpExt ListenOverflows)."""
    listen_drops: int = 0
    """These, and those dropped for other reasons (TcpExt ListenDrops)."""
    processed: int = 0
    """Frames that all processors of the node took from their backlog (softnet_stat)."""
    backlog_drops: int = 0
    """Frames that found it full (net.core.netdev_max_backlog)."""
    tracking: Mapping[str, int] = {}
    """`drop`, `early_drop`, `insert_failed` of connection tracking, where not zero."""


TRACKING = ("drop", "early_drop", "insert_failed")


def traffic(device: Device, direction: str) -> Traffic | None:
    """`direction`: `rx` or `tx`. None: not collected."""
    told = device.details.get("stats64")
    if not isinstance(told, Mapping):
        return None
    names = [f"{direction}_{what}" for what in ("dropped", "errors", "missed_errors")]
    packets = told.get(f"{direction}_packets")
    lost = {name: value for name in names if isinstance(value := told.get(name), int) and value}
    return Traffic(packets, lost) if isinstance(packets, int) else None


def decode_queues(data: object) -> tuple[Queue, ...]:
    """Without those whose statistics an older agent left as bytes. Raises: FormatError."""
    return tuple(
        _queue(entry) for entry in entries(data, "$.qdiscs") if isinstance(entry.fields.get("stats2"), dict)
    )


def _queue(entry: Entry) -> Queue:
    told = entry.entry("stats2")
    counted, queue = told.entry("basic"), told.entry("queue")
    return Queue(
        device=entry.number("ifindex"),
        kind=entry.text("kind", ""),
        handle=entry.number("handle", 0),
        sent=told.number("packets64", counted.number("packets", 0)),
        drops=queue.number("drops", 0),
        length=queue.number("qlen", 0),
        backlog=queue.number("backlog", 0),
        limit=entry.number("limit") if "limit" in entry.fields else None,
    )


def decode_counters(data: object) -> Counters:
    """Raises: FormatError."""
    root = Entry(table_map(data, "$.counters"), "$.counters")
    try:
        tcp = dict(_named(root.text("snmp", ""), "Tcp"))
        more = dict(_named(root.text("netstat", ""), "TcpExt"))
        processors = [line.split() for line in root.text("softnet_stat", "").splitlines()]
        tracked = list(_columns(root.text("stat/nf_conntrack", "")))
        return Counters(
            accepted=tcp.get("PassiveOpens", 0),
            overflows=more.get("ListenOverflows", 0),
            listen_drops=more.get("ListenDrops", 0),
            processed=sum(int(words[0], 16) for words in processors),
            backlog_drops=sum(int(words[1], 16) for words in processors),
            tracking={
                name: total for name in TRACKING if (total := sum(one.get(name, 0) for one in tracked))
            },
        )
    except (ValueError, IndexError) as error:
        raise FormatError(f"$.counters: {error}") from error


def _named(text: str, group: str) -> Iterator[tuple[str, int]]:
    """/proc/net/snmp and netstat: a line of names, then one of values, by group."""
    lines = [line.split()[1:] for line in text.splitlines() if line.startswith(f"{group}: ")]
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        yield from zip(names, map(int, values), strict=True)


def _columns(text: str) -> Iterator[dict[str, int]]:
    """/proc/net/stat: a line of names, then one of hexadecimal values for each processor."""
    lines = [line.split() for line in text.splitlines()]
    for values in lines[1:]:
        yield dict(zip(lines[0], (int(value, 16) for value in values), strict=False))
