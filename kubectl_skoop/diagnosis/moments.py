"""State that was read at different times is taken for one moment: said where the difference could matter."""

from collections.abc import Callable, Iterable

from kubectl_skoop.netstack.namespace import NetworkNamespace

NOTEWORTHY = 5.0
"""Seconds between two places of one flow; kube-proxy and CNI agents write their rules every few seconds."""


def apart(seen: Iterable[NetworkNamespace], ahead: Callable[[str], float] = lambda node: 0.0) -> str:
    """The assumption about the places of a flow; empty: they were read together.

    `ahead`: seconds that a node's clock is ahead of the API server's; 0 where that is not known.
    """
    times = sorted((ns.collected - ahead(ns.node), str(ns.place)) for ns in seen if ns.collected)
    if not times or times[-1][0] - times[0][0] < NOTEWORTHY:
        return ""
    (first, early), (last, late) = times[0], times[-1]
    return f"nothing changed in the {last - first:.0f} s between the reading of {early} and {late}"
