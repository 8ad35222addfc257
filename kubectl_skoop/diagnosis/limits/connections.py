"""The table of connections: full now, or found full before."""

from collections.abc import Iterator

from kubectl_skoop.diagnosis.limits import FEWEST
from kubectl_skoop.diagnosis.limits.measured import Measured
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.netfilter.capacity import COUNT, MAXIMUM


def full(measured: Measured) -> Iterator[Suspicion]:
    ns = measured.ns
    count, maximum = (ns.sysctls.number(key, 0) for key in (COUNT, MAXIMUM))
    if maximum and count >= maximum:
        yield Suspicion(
            code="conntrack.full",
            level=Level.WARNING,
            where=Where(ns.place),
            message="the table of connections is full",
            evidence=(f"{COUNT} = {count}, {MAXIMUM} = {maximum}",),
            remedy=f"raise it: sysctl -w {MAXIMUM}=…, or find out who makes so many connections",
        )


def dropped(measured: Measured) -> Iterator[Suspicion]:
    """Packets that got no entry, and entries that had to give way (/proc/net/stat/nf_conntrack)."""
    counted = measured.counters.tracking
    if counted.get("drop", 0) + counted.get("early_drop", 0) >= FEWEST:
        text = " ".join(f"{name} {value}" for name, value in counted.items())
        yield Suspicion(
            code="conntrack.dropped",
            level=Level.INFO,
            where=Where(measured.ns.place),
            message="connection tracking dropped packets, or entries to make room",
            evidence=(f"{text}, {MAXIMUM} = {measured.ns.sysctls.text(MAXIMUM) or '?'}",),
            remedy="look whether they still grow: conntrack -S",
        )
