"""What all namespaces of a node share: the tables of neighbours, the backlogs of its processors."""

from collections.abc import Iterable, Iterator

from kubectl_skoop.diagnosis.limits import notable
from kubectl_skoop.diagnosis.limits.measured import Measured
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.capacity import SETTING, NodeNeighbours, occupancy
from kubectl_skoop.netstack.neighbours.neighbour_types import NeighbourTable

_MAX_BACKLOG = "net.core.netdev_max_backlog"


def neighbours_overflowed(measured: Measured) -> Iterator[Suspicion]:
    """Entries that could not be made since the kernel's start (ndts_table_fulls)."""
    for family, table in measured.ns.neighbour_tables.items():
        if table.overflows:
            yield _neighbours(measured.ns, family, table, Level.INFO, "was found full", "")


def neighbours_full(measured: Measured, namespaces: Iterable[NetworkNamespace]) -> Iterator[Suspicion]:
    """`namespaces`: all of the node that were collected."""
    for family, table in measured.ns.neighbour_tables.items():
        if table.entries < table.most:
            continue
        seen = occupancy(family, table, NodeNeighbours(lambda: namespaces))
        if seen.room is not True:
            more = f", {seen.counted} of them count, {seen.other} in namespaces that were not collected"
            yield _neighbours(measured.ns, family, table, Level.WARNING, "is full", more)


def _neighbours(
    ns: NetworkNamespace, family: int, table: NeighbourTable, level: Level, state: str, more: str
) -> Suspicion:
    return Suspicion(
        code="neighbour.table-full",
        level=level,
        where=Where(Place("node", ns.node)),
        message=f"the node's table of IPv{family} neighbours {state}",
        evidence=(
            f"{SETTING[family]} = {table.most}, {table.entries} entries{more}, table_fulls {table.overflows}",
        ),
        remedy=f"sysctl -w {SETTING[family]}=…, and gc_thresh2 below it, on the node",
    )


def backlog(measured: Measured) -> Iterator[Suspicion]:
    """Frames that found the backlog of a processor full (enqueue_to_backlog)."""
    counters = measured.counters
    if notable(counters.backlog_drops, counters.processed):
        limit = measured.ns.sysctls.text(_MAX_BACKLOG)
        known = f", {_MAX_BACKLOG} = {limit}" if limit is not None else ""
        yield Suspicion(
            code="node.backlog",
            level=Level.INFO,
            where=Where(Place("node", measured.ns.node)),
            message="the node's processors dropped frames that they had no time for",
            evidence=(
                f"softnet_stat: processed {counters.processed} dropped {counters.backlog_drops}{known}",
            ),
            remedy=f"look whether they still grow (column 2 of /proc/net/softnet_stat); raise {_MAX_BACKLOG}",
        )
