"""Which node has an address or a MAC, so that nobody has to look at all of them."""

from collections import Counter
from collections.abc import Iterator, Mapping
from ipaddress import ip_address

from kubectl_skoop.snapshot.dump import NodeDump, Table
from kubectl_skoop.snapshot.lookup import Lookup
from kubectl_skoop.snapshot.packed_rows import PackedRows

MOST_NODES = 16
"""That are told of one key. What more have, as every veth of Calico the same MAC, is asked of each node."""


class Hosts:
    """What the nodes' own namespaces have, on its way into a snapshot."""

    def __init__(self) -> None:
        self.lookup = Lookup()
        self._nodes: Counter[str] = Counter()
        """By key."""

    def add(self, dump: NodeDump) -> None:
        """A key that too many have gets one node more than are told."""
        own = (space for space in dump.namespaces if space.kind == "host")
        for key in dict.fromkeys(key for space in own for key in _keys(space.tables)):
            self._nodes[key] += 1
            if self._nodes[key] <= MOST_NODES + 1:
                self.lookup.add(key, dump.node)


def _keys(tables: Mapping[str, Table]) -> Iterator[str]:
    """As the decoded devices and addresses have them; a row that cannot be decoded has none."""
    for row in _rows(tables, "links"):
        match row:
            case {"address": str(mac)}:
                yield mac
    for row in _rows(tables, "addresses"):
        match row:
            case {"local": str(address)} | {"address": str(address)}:
                try:
                    yield str(ip_address(address))
                except ValueError:
                    continue


def _rows(tables: Mapping[str, Table], name: str) -> Iterator[object]:
    table = tables.get(name)
    if table is not None and isinstance(table.data, list | PackedRows):
        yield from table.data
