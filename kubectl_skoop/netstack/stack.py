"""One namespace in one branch: the frozen state, and what packets made of it on their way (K-68)."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from kubectl_skoop.model.packet import Address, Frame
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.trace import StepKind, Trace
from kubectl_skoop.model.verdict import Choices
from kubectl_skoop.netstack.namespace import NetworkNamespace


@dataclass(slots=True)
class Stack:
    """What the functions of the simulator work on. The namespace never changes; the rest is this branch's."""

    ns: NetworkNamespace
    choices: Choices
    trace: list[Trace] = field(default_factory=list)
    neighbours: dict[tuple[int, Address], str] = field(default_factory=dict)
    """MACs learned in this branch."""
    fdb: dict[tuple[int, str], int] = field(default_factory=dict)
    """(bridge, MAC) → port, learned in this branch."""
    connections: list[object] = field(default_factory=list)
    """netstack.netfilter.conntrack.Connection, made in this branch."""
    pmtu: dict[Address, int] = field(default_factory=dict)
    """Learned path MTUs, bytes."""

    def step(self, kind: StepKind, text: str, effect: str = "", **where: str | int) -> Trace:
        """Append a trace entry; `where`: device, table, chain, rule, hook of `model.place.Where`."""
        entry = Trace(kind=kind, where=Where(place=self.ns.place, **where), text=text, effect=effect)  # type: ignore[arg-type]
        self.trace.append(entry)
        return entry
