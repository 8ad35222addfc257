"""The same flow under other conditions: large packets, cold neighbours, connections that exist."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from kubectl_skoop.diagnosis.fan_out import Way
from kubectl_skoop.diagnosis.flow import FlowResult, Setting
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.endpoint import Client

Ways = list[Way[FlowResult]]
Walker = Callable[[Probe, Setting], Ways]
SMALLEST, LARGEST = 140, 65000
MAX_STALE = 4


class Hole(NamedTuple):
    """Sizes that do not get through though small packets do."""

    above: int
    """Largest IP length in bytes that arrives."""
    suspicion: Suspicion


def large_packets(walk: Walker, probe: Probe, ways: Ways) -> Hole | None:
    """For TCP that works: bulk data both ways, then single segments of full size."""
    if probe.protocol != Protocol.TCP or not all_served(ways) or probe.size:
        return None
    size = _full_size(ways)
    both = walk(probe, Setting(full=True, segment=size if size > SMALLEST else 0))
    if all_served(both) and not _learned_mtu(both):
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


def stale_connections(walk: Walker, probe: Probe, ways: Ways) -> Iterable[Suspicion]:
    """Conntrack entries that send a flow with their source port elsewhere than a new one goes."""
    if probe.sport:
        return
    before = {_outcome(way) for way in ways}
    seen: set[int] = set()
    for way in ways:
        for stack in way.result.branch.stacks.values():
            for client in _clients(way.result):
                for entry in stack.ns.conntrack:
                    original = entry.original
                    same = (original.src, original.dst, original.protocol, original.dport) == (
                        client.local,
                        client.remote,
                        client.protocol,
                        client.remote_port,
                    )
                    if not same or original.sport in seen or len(seen) >= MAX_STALE:
                        continue
                    seen.add(original.sport)
                    old = walk(replace(probe, sport=original.sport), Setting(use_existing=True))
                    failure = _first_failure(old)
                    if failure is None or {_outcome(one) for one in old} <= before:
                        continue
                    reply = entry.reply
                    yield Suspicion(
                        code="conntrack.stale",
                        level=Level.WARNING,
                        where=Where(place=stack.ns.place),
                        message=f"a flow from source port {original.sport} is held by a conntrack entry that "
                        f"leads to {reply.src}:{reply.sport}",
                        evidence=(
                            f"src={original.src} dst={original.dst} sport={original.sport} "
                            f"dport={original.dport} → src={reply.src} sport={reply.sport}",
                        ),
                        remedy=f"conntrack -D -p {original.protocol} --orig-dst {original.dst} "
                        f"--orig-port-src {original.sport}",
                    )


def all_served(ways: Ways) -> bool:
    return all(way.result.fate == "served" and not way.unknown for way in ways)


def _first_failure(ways: Ways) -> Way[FlowResult] | None:
    return next((way for way in ways if way.result.fate in ("dropped", "refused")), None)


def _learned_mtu(ways: Ways) -> bool:
    """The bulk data made single segments smaller than they would have been without it."""
    return any(stack.pmtu for way in ways for stack in way.result.branch.stacks.values())


def _outcome(way: Way[FlowResult]) -> tuple[str, str]:
    return way.result.fate, way.result.symptom


def _clients(result: FlowResult) -> list[Client]:
    return [client for stack in result.branch.stacks.values() for client in stack.clients]


def _full_size(ways: Ways) -> int:
    """IP length in bytes of a full segment, as the handshake agreed on it."""
    return max((client.mss + 40 for way in ways for client in _clients(way.result) if client.mss), default=0)


def _largest_that_arrives(walk: Walker, probe: Probe, full: int) -> int:
    low, high = SMALLEST, min(max(full, SMALLEST + 1), LARGEST)
    while high - low > 1:
        middle = (low + high) // 2
        if all_served(walk(probe, Setting(segment=middle))):
            low = middle
        else:
            high = middle
    return low
