"""What changed between two snapshots, as lines of the usual tools."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from kubectl_skoop.cluster.raw import Ref
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.place import Place

Kind = Literal["new", "gone", "changed"]


class Lines(NamedTuple):
    """Lines that are there before or after only."""

    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


class TableChange(NamedTuple):
    """`what` is a word of `inspect`."""

    what: str
    lines: Lines
    reordered: tuple[str, ...] = ()
    """Chains with the same rules in another order that may matter."""


class PlaceChange(NamedTuple):
    place: Place
    kind: Kind
    tables: tuple[TableChange, ...] = ()
    """Of a place that changed."""


class ObjectChange(NamedTuple):
    ref: Ref
    kind: Kind
    lines: Lines = Lines()
    """Of an object that changed, `field: value`."""


class Uncompared(NamedTuple):
    """Where one of the two has nothing to compare with."""

    what: str
    reason: str


class FlowChange(NamedTuple):
    before: Diagnosis
    after: Diagnosis
    way: Lines
    """Lines of the way of the packet."""
    reply: Lines

    @property
    def differs(self) -> bool:
        return any((*self.way, *self.reply)) or _answer(self.before) != _answer(self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    places: tuple[PlaceChange, ...] = ()
    objects: tuple[ObjectChange, ...] = ()
    uncompared: tuple[Uncompared, ...] = ()
    flow: FlowChange | None = None

    def __bool__(self) -> bool:
        return bool(self.places or self.objects or (self.flow and self.flow.differs))


def changed_lines(before: Sequence[str], after: Sequence[str]) -> Lines:
    """As sets in which a line may be several times: the order does not count, but is that of the result."""
    return Lines(tuple(_missing(before, after)), tuple(_missing(after, before)))


def union(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    return list(dict.fromkeys((*before, *after)))


def _missing(these: Sequence[str], those: Sequence[str]) -> Iterator[str]:
    left = Counter(those)
    for line in these:
        if left[line]:
            left[line] -= 1
        else:
            yield line


def _answer(diagnosis: Diagnosis) -> tuple[object, ...]:
    return diagnosis.verdict, diagnosis.headline, diagnosis.symptom, diagnosis.cause
