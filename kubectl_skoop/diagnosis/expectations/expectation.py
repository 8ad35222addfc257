"""What should be in a namespace, and how what is there deviates from it."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, NamedTuple

from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.namespace import NetworkNamespace

DeviationState = Literal["missing", "differs", "unreadable"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation(ABC):
    """One entry of one table. Made by the functions of `expect`; equal wishes are equal objects."""

    because: str
    """Who writes it, and when: `flanneld adds it when node n2 joins`."""
    remedy: str = ""
    """Empty: the command that puts the deviation right."""
    about: tuple[Place, ...] = ()
    """Other nodes that it is there for."""

    table: ClassVar[str]
    """In codes: `<plugin>.<table>.<state>`."""
    sections: ClassVar[tuple[str, ...]]
    """Sections of the dump that must have been read to compare."""

    @property
    @abstractmethod
    def key(self) -> str:
        """Which entry, for a sentence: `the route to 10.244.2.0/24`."""

    @property
    @abstractmethod
    def want(self) -> str:
        """The entry as its own tool prints it, as far as it matters."""

    @property
    def device(self) -> str:
        """The device it is about; empty: none."""
        return ""

    @abstractmethod
    def find(self, ns: NetworkNamespace) -> Sequence[object]:
        """The entries of the table that the key names."""

    @abstractmethod
    def difference(self, ns: NetworkNamespace) -> "Deviation | None":
        """As `compare`, of tables that have been read."""

    @abstractmethod
    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        """As `mend`, of a namespace that deviates."""

    def mend(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        """A copy with the entry as wanted; None: that cannot be made by changing this namespace's state."""
        return ns if self.difference(ns) is None else self.put_right(ns)

    def compare(self, ns: NetworkNamespace) -> "Deviation | None":
        """None: it is there, as wanted."""
        for section in self.sections:
            if section in ns.gaps:
                problem = f"{self.key} cannot be compared: {section} could not be read ({ns.gaps[section]})"
                return Deviation(expectation=self, state="unreadable", problem=problem)
        return self.difference(ns)


class Deviation(NamedTuple):
    """How one expectation is not met."""

    expectation: Expectation
    state: DeviationState
    problem: str
    """What is wrong, as one clause."""
    found: tuple[str, ...] = ()
    """Entries in the way or in place of the wanted one, as their tools print them."""
    command: str = ""
    """Puts it right; empty if no single command can."""

    def suspicion(self, plugin: str, place: Place) -> Suspicion:
        """At the level of a deviation that explains nothing."""
        wish = self.expectation
        return Suspicion(
            code=f"{plugin}.{wish.table}.{self.state}",
            level=Level.WARNING,
            where=Where(place=place, device=wish.device),
            message=f"{self.problem}; {wish.because}" if wish.because else self.problem,
            evidence=(f"wanted: {wish.want}", *(f"found: {text}" for text in self.found or ("nothing",))),
            remedy=wish.remedy or self.command,
            about=wish.about,
        )


def missing(wish: Expectation, found: Sequence[str] = (), *, command: str = "") -> Deviation:
    problem = f"{wish.key} is missing"
    return Deviation(expectation=wish, state="missing", problem=problem, found=tuple(found), command=command)


def differs(wish: Expectation, how: str, found: Sequence[str], *, command: str = "") -> Deviation:
    """`how` follows the key: `goes by eth0, not flannel.1`."""
    problem = f"{wish.key} {how}"
    return Deviation(expectation=wish, state="differs", problem=problem, found=tuple(found), command=command)
