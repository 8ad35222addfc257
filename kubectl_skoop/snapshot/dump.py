"""What the agent read on one node, as the kernel and the tools gave it: the content of a node's sections.

Everything in `Table.data` is msgpack-able: dict, list, str, bytes, int, float, bool, None; or `PackedRows`,
or for the writer `records.Arranged`.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

TableState = Literal["ok", "absent", "forbidden", "failed", "timeout"]
NamespaceKind = Literal["host", "pod"]


class Table(NamedTuple):
    """One kind of state of one namespace. An empty table is `ok` with empty data."""

    state: TableState = "ok"
    """`absent`: the kernel has no such feature, or the tool that reads it is missing."""
    reason: str = ""
    """Why the state is not `ok`."""
    time: float = 0.0
    """When it was read, seconds since the epoch: the tables of one node differ in time (K-71)."""
    data: object = None


class NamespaceDump(NamedTuple):
    """One network namespace of the node."""

    id: str
    """`<st_dev>:<st_ino>` of the namespace file: the identity of a namespace on its node."""
    kind: NamespaceKind
    pods: tuple[str, ...] = ()
    """`namespace/name` of the pods that live in it; pods with hostNetwork are in the host's."""
    tables: Mapping[str, Table] = {}


class NodeFacts(NamedTuple):
    """What a node is. Empty: not known, as in dumps of older agents."""

    boot_id: str = ""
    """Of the kernel's present run (/proc/sys/kernel/random/boot_id)."""
    modules: tuple[str, ...] = ()
    """Loaded ones."""
    iptables: str = ""
    """What the node's own `iptables` writes to: `nf_tables` or `legacy`."""
    clock_offset: float | None = None
    """The node's clock less the API server's, seconds; only of live snapshots."""


class NodeDump(NamedTuple):
    """Each namespace of a node once, the host's first."""

    node: str
    time: float
    """When the agent began, seconds since the epoch by the node's clock."""
    kernel: str
    """`uname -r`."""
    ended: float = 0.0
    """When it had read all; 0: not known."""
    tools: Mapping[str, str] = {}
    """Version line of each tool that was run."""
    namespaces: tuple[NamespaceDump, ...] = ()
    lost: tuple[str, ...] = ()
    """What could not be read of this node, as `pod/NAMESPACE/NAME: why`."""
    facts: NodeFacts = NodeFacts()
