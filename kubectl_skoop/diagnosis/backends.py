"""The backends of a service, as the ways of a flow tell them: where each led, and how many answer."""

from collections.abc import Iterator, Sequence

from kubectl_skoop.diagnosis.result import Backends, Target
from kubectl_skoop.diagnosis.verdict import way_outcome
from kubectl_skoop.diagnosis.walk.branch import Branch, Visit
from kubectl_skoop.diagnosis.walk.fan_out import Way
from kubectl_skoop.diagnosis.walk.flow import FlowResult
from kubectl_skoop.model.packet import Address, Packet
from kubectl_skoop.model.probe import Probe

Ways = Sequence[Way[FlowResult]]


def target_of(probe: Probe, branch: Branch) -> Target | None:
    """Where the last translation of the destination led: by a load balancer, IPVS or a rule's NAT.

    None: there was none.
    """
    steps = {before: after for before, after in _translations(probe, branch) if before != after}
    sought = Target(probe.destination.address, probe.dport)
    found = None
    while sought in steps:
        found = sought = steps.pop(sought)
    return found


def _translations(probe: Probe, branch: Branch) -> Iterator[tuple[Target, Target]]:
    asked = Target(probe.destination.address, probe.dport)
    for balanced in branch.balanced.values():
        yield asked, Target(balanced.address, balanced.port)
    for stack in branch.stacks.values():
        for one in stack.virtual_connections:
            yield Target(one.virtual, one.virtual_port), Target(one.server, one.server_port)
        for connection in stack.connections:
            there, answers = connection.original, connection.reply
            before, after = Target(there.dst, there.dport), Target(answers.src, answers.sport)
            if there.protocol == probe.protocol:
                yield before, after
    for number, visit in enumerate(branch.visits):
        if visit.packet is not None or number == 0:
            yield from _lost(visit, asked)


def _lost(visit: Visit, asked: Target) -> Iterator[tuple[Target, Target]]:
    """A packet that was lost before its connection was confirmed, which conntrack forgets."""
    came = visit.packet.innermost if visit.packet else None
    before = Target(came.dst, came.dport) if came else asked
    for loss in visit.journey.losses:
        lost = loss.frame.innermost if isinstance(loss.frame, Packet) else None
        if lost is not None and (came is None or _sent_by(lost) == _sent_by(came)):
            yield before, Target(lost.dst, lost.dport)


def _sent_by(packet: Packet) -> tuple[Address, int, int]:
    return packet.src, packet.sport, packet.protocol


def to_target(probe: Probe, ways: Sequence[Way[FlowResult]], target: Target | None) -> list[Way[FlowResult]]:
    """The ways that lead there; all of them if no address was translated."""
    if target is None:
        return [*ways]
    return [way for way in ways if target_of(probe, way.result.branch) == target]


def count(probe: Probe, ways: Ways) -> Backends | None:
    """How many of the backends that connections are sent to answer; None: there are less than two."""
    outcomes: dict[Target, set[str]] = {}
    for way in ways:
        if (target := target_of(probe, way.result.branch)) is not None:
            outcomes.setdefault(target, set()).add(way_outcome(way))
    if len(outcomes) < 2:
        return None
    kinds = [next(iter(found)) if len(found) == 1 else "sometimes" for found in outcomes.values()]
    return Backends(
        total=len(kinds),
        answering=kinds.count("served"),
        sometimes=kinds.count("sometimes"),
        failing=kinds.count("lost"),
        unknown=kinds.count("unknown"),
    )
