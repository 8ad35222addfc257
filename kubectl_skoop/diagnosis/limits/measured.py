"""The counters of a namespace, decoded once."""

from collections.abc import Mapping
from typing import NamedTuple

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.snapshot.decode.counters import Counters, Queue, decode_counters, decode_queues
from kubectl_skoop.snapshot.decode.tables import Tables
from kubectl_skoop.snapshot.dump import Table
from kubectl_skoop.snapshot.source import Snapshot

MAX_KEPT = 1000


class Measured(NamedTuple):
    """What a namespace counted; nothing where that is in `unread`, or in no dump of an older agent."""

    ns: NetworkNamespace
    counters: Counters
    queues: tuple[Queue, ...]
    unread: Mapping[str, str]
    """The tables of these that could not be read, as `NetworkNamespace.gaps` has others."""


class Measurements:
    """Of the namespaces of a snapshot."""

    def __init__(self, source: Snapshot) -> None:
        self._source = source
        self._known: dict[str, Measured] = {}

    def of(self, ns: NetworkNamespace) -> Measured:
        if ns.id not in self._known:
            if len(self._known) >= MAX_KEPT:
                self._known = {}
            self._known[ns.id] = self._measure(ns)
        return self._known[ns.id]

    def _measure(self, ns: NetworkNamespace) -> Measured:
        tables = self._source.raw_tables(ns.place)
        return measure(ns, {} if isinstance(tables, NotCollected) else tables)


def measure(ns: NetworkNamespace, tables: Mapping[str, Table]) -> Measured:
    """`tables`: as collected of this namespace."""
    read = Tables(tables, needed=frozenset())
    return Measured(
        ns,
        read.decode("counters", decode_counters, Counters()),
        read.decode("qdiscs", decode_queues, ()),
        read.gaps,
    )
