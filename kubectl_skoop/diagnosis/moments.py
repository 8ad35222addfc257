"""State that was read at different times is taken for one moment: said where the difference could matter."""

from collections.abc import Iterable

from kubectl_skoop.netstack.namespace import NetworkNamespace

NOTEWORTHY = 5.0
"""Seconds between two places of one flow; kube-proxy and CNI agents write their rules every few seconds."""


def apart(seen: Iterable[NetworkNamespace]) -> str:
    """The assumption about the places of a flow, by their own clocks; empty: they were read together."""
    times = sorted((ns.collected, str(ns.place)) for ns in seen if ns.collected)
    if not times or times[-1][0] - times[0][0] < NOTEWORTHY:
        return ""
    (first, early), (last, late) = times[0], times[-1]
    return f"nothing changed in the {last - first:.0f} s between the reading of {early} and {late}"
