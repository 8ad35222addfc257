"""Where things are: nodes, pods, the outside; and what an address stands for."""

from typing import Literal, NamedTuple, TypedDict

from kubectl_skoop.model.packet import Address

PlaceKind = Literal["pod", "node", "external", "lb"]
EndpointKind = Literal["pod", "node", "service", "lb", "external"]


class Place(NamedTuple):
    """A NetNode's identity: `pod` with `namespace/name`, `node` with its name, `external` with an address."""

    kind: PlaceKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Endpoint(NamedTuple):
    """An address with what it is. `name` is `namespace/name` for pods and services."""

    kind: EndpointKind
    name: str
    address: Address


class WhereFields(TypedDict, total=False):
    """The fields of `Where` but the place."""

    device: str
    table: str
    chain: str
    rule: int
    hook: str


class Where(NamedTuple):
    """The place of a finding or a step, as exactly as is known; empty strings where it does not apply."""

    place: Place | None = None
    device: str = ""
    table: str = ""
    chain: str = ""
    rule: int = 0
    """Position in its chain, from 1; 0: not a rule."""
    hook: str = ""

    def __str__(self) -> str:
        parts = [str(self.place) if self.place else "cluster"]
        parts += [part for part in (self.device, self.table, self.chain) if part]
        if self.rule:
            parts.append(f"rule {self.rule}")
        return " ".join(parts)
