"""What is shown of a connectivity: names of classes, and the lines that a question leaves."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import unknown
from kubectl_skoop.cluster.connectivity import OUTSIDE, Connectivity, Outer, Row
from kubectl_skoop.cluster.policy.address import ANYWHERE, blocks_text
from kubectl_skoop.cluster.policy.interval import Intervals
from kubectl_skoop.cluster.policy.party import Class
from kubectl_skoop.cluster.policy.port import ports_text
from kubectl_skoop.cluster.policy.universe import positions_of
from kubectl_skoop.model.errors import InputError, UnknownName
from kubectl_skoop.model.listed import listed

_NAMED = 3


class Line(NamedTuple):
    """A group of senders, a receiver, and what may pass between them."""

    sources: str
    destination: str
    ports: str
    verdict: str
    """`allowed` or `unknown`."""


class Pair(NamedTuple):
    """One sender and one receiver."""

    source: str
    destination: str
    ports: str
    verdict: str


@dataclass(frozen=True, slots=True)
class View:
    """A connectivity, seen from chosen senders and receivers."""

    found: Connectivity
    sources: int
    """Classes, as bits."""
    destinations: int
    incoming: bool = True
    """With what comes from outside: no senders were chosen."""
    outgoing: bool = True
    """With what goes outside: no receivers were chosen."""
    warning: str = ""
    """What it rests on, where that is not known; pages show it."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(map(class_name, self.found.classes))

    def lines(self) -> Iterator[Line]:
        """By receiver; the outside last."""
        names = self.names
        for at in positions_of(self.destinations):
            ends = self.found.ends[at]
            for rows, verdict in ((ends.allowed, "allowed"), (ends.unknown, "unknown")):
                for row in rows:
                    if chosen := row.sources & self.sources:
                        shown = self._group(chosen, at, names)
                        yield Line(shown, names[at], ports_text(row.ports), verdict)
            if self.incoming:
                for outers, verdict in (
                    (ends.from_outside, "allowed"),
                    (ends.from_outside_unknown, "unknown"),
                ):
                    for ports, addresses in outers:
                        yield Line(outside_text(addresses), names[at], ports_text(ports), verdict)
        if self.outgoing:
            yield from self._out(names)

    def pairs(self, most: int, what: str, *, whole: bool = False) -> list[Pair]:
        """Each sender with each receiver; `whole`: of the outside with all blocks.

        Raises: InputError, with more than `most` of them.
        """
        names = self.names
        found: list[Pair] = []
        for at in positions_of(self.destinations):
            ends = self.found.ends[at]
            for rows, verdict in ((ends.allowed, "allowed"), (ends.unknown, "unknown")):
                for row in rows:
                    chosen = row.sources & self.sources
                    if len(found) + chosen.bit_count() > most:
                        raise InputError(
                            f"more than {most} connections for {what}", hint="narrow it with --from and --to"
                        )
                    ports = ports_text(row.ports)
                    found += (Pair(names[one], names[at], ports, verdict) for one in positions_of(chosen))
            if self.incoming:
                found += _outside_pairs(OUTSIDE, names[at], ends.from_outside, "allowed", whole=whole)
                found += _outside_pairs(OUTSIDE, names[at], ends.from_outside_unknown, "unknown", whole=whole)
        if self.outgoing:
            for at in positions_of(self.sources):
                ends = self.found.ends[at]
                found += _outside_pairs(names[at], OUTSIDE, ends.to_outside, "allowed", whole=whole)
                found += _outside_pairs(names[at], OUTSIDE, ends.to_outside_unknown, "unknown", whole=whole)
        return found

    def reasons(self) -> tuple[str, ...]:
        """Why something is unknown."""
        ends = (self.found.ends[at] for at in positions_of(self.destinations | self.sources))
        return tuple(dict.fromkeys(reason for end in ends for reason in end.reasons))

    def _group(self, chosen: int, at: int, names: Sequence[str]) -> str:
        """Senders in few words."""
        possible = self.sources
        alone = len(self.found.classes[at].members) == 1
        if alone:
            possible &= ~(1 << at)
        if chosen == possible and chosen.bit_count() > _NAMED:
            return "all pods" if self.sources == self.found.workloads else "all chosen"
        missing = possible & ~chosen
        if chosen.bit_count() > _NAMED and missing.bit_count() <= _NAMED and missing:
            return f"all but {', '.join(names[one] for one in positions_of(missing))}"
        return listed([names[one] for one in positions_of(chosen)], _NAMED)

    def _out(self, names: Sequence[str]) -> Iterator[Line]:
        groups: dict[tuple[str, str, str], list[str]] = {}
        for at in positions_of(self.sources):
            ends = self.found.ends[at]
            for outers, verdict in ((ends.to_outside, "allowed"), (ends.to_outside_unknown, "unknown")):
                for ports, addresses in outers:
                    key = (outside_text(addresses), ports_text(ports), verdict)
                    groups.setdefault(key, []).append(names[at])
        for (shown, its_ports, verdict), members in groups.items():
            yield Line(listed(members, _NAMED), shown, its_ports, verdict)


def class_name(one: Class) -> str:
    """The workloads of a class, a few of them by name."""
    return listed(one.workloads, _NAMED)


def outside_text(addresses: Intervals, *, whole: bool = False) -> str:
    """`whole`: all blocks, for programs; else a few."""
    blocks = blocks_text(addresses)
    return OUTSIDE if addresses == ANYWHERE else f"{OUTSIDE} {listed(blocks, len(blocks) if whole else 6)}"


def classes_of(found: Connectivity, wanted: str, namespace: str = "") -> int:
    """The classes, as bits, that a name fits: `ns/NAME`, `NS/POD`, `pod/…`, `deploy/…`, `node/…`.

    Raises: UnknownName, if it fits none.
    """
    words = wanted.split("/")
    if words[0] in ("ns", "namespace") and len(words) == 2:
        fits = [at for at, one in enumerate(found.classes) if one.party.namespace == words[1]]
    else:
        full = set(_spellings(words, namespace))
        fits = [
            at
            for at, one in enumerate(found.classes)
            if full & one.workloads.keys() or any(f"pod/{member}" in full for member in one.members)
        ]
    if not fits:
        raise _unknown(found, words, wanted)
    return sum(1 << at for at in fits)


def _unknown(found: Connectivity, words: Sequence[str], wanted: str) -> UnknownName:
    if words[0] in ("ns", "namespace") and len(words) == 2:
        spaces = dict.fromkeys(one.party.namespace for one in found.classes if one.party.namespace)
        return unknown("namespace with pods named", words[1], spaces)
    names = (name for one in found.classes for name in one.workloads)
    error = unknown("pod, workload or node", wanted, names)
    error.hint = "ns/NAME, NAMESPACE/POD, deploy/NAMESPACE/NAME, node/NAME"
    return error


def _spellings(words: Sequence[str], namespace: str) -> Iterator[str]:
    yield "/".join(words)
    match words:
        case [scope, name]:
            yield f"pod/{scope}/{name}"
            if namespace:
                yield f"{scope}/{namespace}/{name}"
        case [kind, scope, name]:
            short = {"deployment": "deploy", "statefulset": "sts", "daemonset": "ds", "po": "pod"}
            yield f"{short.get(kind, kind)}/{scope}/{name}"


def _outside_pairs(
    source: str, destination: str, outers: Iterable[Outer], verdict: str, *, whole: bool
) -> Iterator[Pair]:
    for ports, addresses in outers:
        shown = outside_text(addresses, whole=whole)
        yield Pair(
            shown if source == OUTSIDE else source,
            shown if destination == OUTSIDE else destination,
            ports_text(ports),
            verdict,
        )


def rows_of(rows: Iterable[Row], at: int) -> Intervals:
    """The ports of the row that has the sender."""
    return next((row.ports for row in rows if row.sources >> at & 1), ())
