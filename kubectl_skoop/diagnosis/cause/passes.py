"""The same flow under other conditions: large packets, cold neighbours, connections that exist."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import NamedTuple

from kubectl_skoop.diagnosis.result import Missing
from kubectl_skoop.diagnosis.walk.fan_out import Way
from kubectl_skoop.diagnosis.walk.flow import FlowResult, Setting
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.conntrack_types import ConntrackEntry
from kubectl_skoop.netstack.l4 import tcp
from kubectl_skoop.netstack.l4.endpoint import Client
from kubectl_skoop.netstack.stack import Stack

Ways = list[Way[FlowResult]]
Walker = Callable[[Probe, Setting], Ways]
SMALLEST, LARGEST = 140, 65000
MAX_STALE = 4
MANY = 256
"""Ways of one flow, above which only the flow itself is walked: each takes some hundredths of a second."""


class Hole(NamedTuple):
    """Sizes that do not get through though small packets do."""

    above: int
    """Largest IP length in bytes that arrives."""
    suspicion: Suspicion


def works_throughout(probe: Probe, ways: Ways, size: int) -> bool:
    """Neither `large_packets` nor `cold_neighbours` would find anything: what they walk is said in the
    connections that are there. `size`: of a full segment; the connections may know better afterwards.

    False says nothing: a path MTU that was learned makes the single segments smaller, another MAC than the
    remembered one leads elsewhere, and choices that the flow did not meet open other ways.
    """
    if not _carries_bulk(probe, ways):
        return False
    results = [result for way in ways for result in (way.result, *way.alternatives)]
    return all(_goes_on(result, size if size > SMALLEST else 0) for result in results)


def _goes_on(result: FlowResult, segment: int) -> bool:
    branch = result.conversation.go_on(segment) if result.conversation is not None else None
    if branch is None:
        return False
    return not any(stack.pmtu or _moved_neighbours(stack) for stack in branch.stacks.values())


def untried(ways: int) -> Missing:
    """What `large_packets` and `cold_neighbours` might find."""
    return Missing("large packets, neighbours", "not tried", f"there are {ways} ways, more than {MANY}")


def large_packets(walk: Walker, probe: Probe, ways: Ways, size: int) -> Hole | None:
    """For TCP that works: bulk data both ways, then single segments of full size, which `size` is."""
    if not _carries_bulk(probe, ways):
        return None
    bulk = _first_failure(walk(probe, Setting(full=True)))
    single = _first_failure(walk(probe, Setting(segment=size))) if size > SMALLEST else None
    failure = bulk or single
    if failure is None or failure.result.loss is None:
        return None
    above = _largest_that_arrives(walk, probe, size)
    loss = failure.result.loss.because
    what = "packets" if bulk is not None else "single packets (not bulk data, which offloading carries)"
    message = f"{what} above {above} bytes are lost: {loss.message}"
    level = Level.CRITICAL if bulk is not None else Level.WARNING
    return Hole(above, replace(loss, message=message, level=level))


def cold_neighbours(walk: Walker, probe: Probe, ways: Ways) -> Suspicion | None:
    """What works only as long as resolved neighbours are remembered."""
    if not all_served(ways):
        return None
    failure = _first_failure(walk(probe, Setting(cold=True)))
    if failure is None or failure.result.loss is None:
        return None
    loss = failure.result.loss.because
    message = f"works only until the neighbour entry expires, then: {loss.message}"
    return replace(loss, message=message, level=Level.WARNING)


def stale_connections(walk: Walker, probe: Probe, ways: Ways) -> Iterator[Suspicion]:
    """Conntrack entries that send a flow with their source port elsewhere than a new one goes."""
    if probe.sport:
        return
    before = {_outcome(way) for way in ways}
    by_port = {entry.original.sport: (place, entry) for place, entry in _entries_of_flow(ways)}
    for sport, (place, entry) in islice(by_port.items(), MAX_STALE):
        old = walk(probe._replace(sport=sport), Setting(use_existing=True))
        if _first_failure(old) is not None and not {_outcome(way) for way in old} <= before:
            yield _stale(place, entry)


def _entries_of_flow(ways: Ways) -> Iterator[tuple[Place, ConntrackEntry]]:
    """Entries for the same sender, destination and port, at the places that the flow came to."""
    for way in ways:
        wanted = dict.fromkeys(
            (client.local, client.remote, client.protocol, client.remote_port)
            for client in _clients(way.result)
        )
        for stack in way.result.branch.stacks.values():
            for flow in wanted:
                for entry in stack.ns.conntrack_by_flow.get(flow, ()):
                    yield stack.ns.place, entry


def _stale(place: Place, entry: ConntrackEntry) -> Suspicion:
    original, reply = entry.original, entry.reply
    return Suspicion(
        code="conntrack.stale",
        level=Level.WARNING,
        where=Where(place=place),
        message=f"a flow from source port {original.sport} is held by a conntrack entry that leads to "
        f"{reply.src}:{reply.sport}",
        evidence=(
            f"src={original.src} dst={original.dst} sport={original.sport} dport={original.dport} → "
            f"src={reply.src} sport={reply.sport}",
        ),
        remedy=f"conntrack -D -p {original.protocol} --orig-dst {original.dst} "
        f"--orig-port-src {original.sport}",
    )


def all_served(ways: Ways) -> bool:
    return all(way.result.fate == "served" and not way.unknown for way in ways)


def _first_failure(ways: Ways) -> Way[FlowResult] | None:
    return next((way for way in ways if way.result.fate in ("dropped", "refused")), None)


def _carries_bulk(probe: Probe, ways: Ways) -> bool:
    return probe.protocol == Protocol.TCP and not probe.size and all_served(ways)


def _moved_neighbours(stack: Stack) -> bool:
    """Somebody else answered than the neighbour table remembers."""
    for key, mac in stack.neighbours.items():
        remembered = stack.ns.neighbour_by_key.get(key)
        if remembered is not None and remembered.valid and remembered.mac != mac:
            return True
    return False


def _outcome(way: Way[FlowResult]) -> tuple[str, str]:
    return way.result.fate, way.result.symptom


def _clients(result: FlowResult) -> list[Client]:
    return [client for stack in result.branch.stacks.values() for client in stack.clients]


def full_size(ways: Ways) -> int:
    """IP length in bytes of a full segment, as the handshake agreed on it."""
    sizes = (
        client.mss + tcp.headers(client.remote)
        for way in ways
        for client in _clients(way.result)
        if client.mss
    )
    return max(sizes, default=0)


def _largest_that_arrives(walk: Walker, probe: Probe, full: int) -> int:
    low, high = SMALLEST, min(max(full, SMALLEST + 1), LARGEST)
    while high - low > 1:
        middle = (low + high) // 2
        if all_served(walk(probe, Setting(segment=middle))):
            low = middle
        else:
            high = middle
    return low
