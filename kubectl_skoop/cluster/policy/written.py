"""Parts of policies as they are written, read strictly: what is not understood is `Invalid`."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.policy.address import block
from kubectl_skoop.cluster.policy.interval import Intervals
from kubectl_skoop.cluster.policy.port import PROTOCOLS, port_at
from kubectl_skoop.cluster.policy.rule import Invalid, PolicyProblem, Rule, Verdict, doubtful
from kubectl_skoop.cluster.raw import Object, Ref, ref_of, text

T = TypeVar("T")
Fields = Mapping[str, object]
_PORT_NAME = r"(?=.{1,15}$)(?=.*[a-z])[a-z0-9]([a-z0-9-]*[a-z0-9])?"


def written_in(cluster: Cluster, kind: str, namespaces: Collection[str] | None) -> Sequence[Object]:
    """The policies of a kind that may select something in some namespaces; None: in all."""
    found = cluster.objects(kind)
    if namespaces is None:
        return found
    return [item for item in found if (space := ref_of(item).namespace) == "" or space in namespaces]


@dataclass(slots=True)
class Reader:
    """Reads one policy and gathers what is wrong with it."""

    item: Object
    kind: str
    problems: list[PolicyProblem] = field(default_factory=list)

    @property
    def ref(self) -> Ref:
        return ref_of(self.item)

    @property
    def version(self) -> str:
        """Without its group; empty: not told."""
        return text(self.item, "apiVersion").rpartition("/")[2]

    def problem(self, where: str, reason: str) -> str:
        ref = self.ref
        name = f"{ref.namespace}/{ref.name}" if ref.namespace else ref.name
        self.problems.append(
            PolicyProblem(policy=f"{self.kind} {name}", where=where, reason=reason, namespace=ref.namespace)
        )
        return f"{self.kind} {name}: {where}: {reason}"

    def attempt(self, where: str, read: Callable[[], T]) -> T | str:
        """What was read, or the text of the problem that it has."""
        try:
            return read()
        except Invalid as error:
            return self.problem(where, str(error))

    def rules(
        self,
        where: str,
        written: object,
        read: Callable[[Fields, str], Iterable[Rule]],
        verdict: Callable[[object], Verdict],
    ) -> tuple[Rule, ...]:
        """Of a list of rules. `verdict`: of a rule that cannot be read otherwise."""
        found: list[Rule] = []
        entries = self.attempt(where, lambda: maps(written, "rules"))
        if isinstance(entries, str):
            return (doubtful(Verdict.ACCEPT, entries, where), doubtful(Verdict.DENY, entries, where))
        for number, entry in enumerate(entries):
            name = text(entry, "name")
            place = f"{where}[{number}]" + (f" ({name})" if name else "")
            rules = self.attempt(place, partial(_all, read, entry, place))
            if isinstance(rules, str):
                found.append(doubtful(verdict(entry), rules, place))
            else:
                found += rules
        return tuple(found)


def _all(read: Callable[[Fields, str], Iterable[Rule]], entry: Fields, where: str) -> tuple[Rule, ...]:
    return tuple(read(entry, where))


def fields(written: object, what: str, known: Iterable[str]) -> Fields:
    """A map that has no other fields. Raises: Invalid."""
    if not isinstance(written, Mapping):
        raise Invalid(f"{what} must be a map, not {_shown(written)}")
    if unknown := sorted(str(key) for key in written if key not in known):
        raise Invalid(f"unknown field of {what}: {', '.join(unknown)}")
    return written


def maps(written: object, what: str) -> Sequence[Fields]:
    """A list of maps; nothing written is an empty list. Raises: Invalid."""
    found = listed(written, what)
    for entry in found:
        if not isinstance(entry, Mapping):
            raise Invalid(f"an entry of {what} must be a map, not {_shown(entry)}")
    return [entry for entry in found if isinstance(entry, Mapping)]


def listed(written: object, what: str) -> Sequence[object]:
    """Raises: Invalid."""
    if written is None:
        return ()
    if not isinstance(written, list | tuple):
        raise Invalid(f"{what} must be a list, not {_shown(written)}")
    return written


def words(written: object, what: str) -> tuple[str, ...]:
    """Raises: Invalid."""
    found = listed(written, what)
    if not all(isinstance(entry, str) for entry in found):
        raise Invalid(f"{what} must be a list of texts")
    return tuple(map(str, found))


def cidr(written: object, excepted: tuple[str, ...] = ()) -> Intervals:
    """Raises: Invalid."""
    if not isinstance(written, str):
        raise Invalid(f"{_shown(written)} is no CIDR")
    try:
        return block(written, excepted)
    except ValueError as error:
        raise Invalid(str(error)) from error


def protocol(written: object, default: str = "") -> str:
    """TCP, UDP or SCTP. Raises: Invalid."""
    if written is None and default:
        return default
    if isinstance(written, str) and written in PROTOCOLS:
        return written
    raise Invalid(f"unknown protocol {_shown(written)}: TCP, UDP, SCTP")


def port_range(name: str, low: object, high: object) -> Intervals:
    """Raises: Invalid."""
    for end in (low, high):
        if not isinstance(end, int) or isinstance(end, bool) or not 1 <= end <= 65535:
            raise Invalid(f"port {_shown(end)}: 1 to 65535")
    assert isinstance(low, int)
    assert isinstance(high, int)
    if high < low:
        raise Invalid(f"ports {low}-{high}: the end comes before the start")
    number = PROTOCOLS[name]
    return ((port_at(number, low), port_at(number, high)),)


def port_name(written: object) -> str:
    """Raises: Invalid: no name of a port (apimachinery, IsValidPortName)."""
    if isinstance(written, str) and re.fullmatch(_PORT_NAME, written) and "--" not in written:
        return written
    if isinstance(written, str) and written.isdecimal():
        raise Invalid(
            f"port {_shown(written)} is a text, and no name of a port: write the number without quotes"
        )
    raise Invalid(f"{_shown(written)} is no name of a port")


def _shown(written: object) -> str:
    """Short, whatever it is."""
    text = repr(written)
    return text if len(text) <= 60 else f"{text[:57]}..."
