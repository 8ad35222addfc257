"""A member of an ipset."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, missing
from kubectl_skoop.netstack.namespace import NetworkNamespace

MAX_SHOWN = 5
"""Members that the evidence names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMemberExpectation(Expectation):
    """Not compared where the set is missing: then no rule asks it."""

    table: ClassVar[str] = "set"
    sections: ClassVar[tuple[str, ...]] = ("ipset",)

    name: str
    member: str

    @property
    def key(self) -> str:
        return f"{self.member} in the set {self.name}"

    @property
    def want(self) -> str:
        return f"add {self.name} {self.member}"

    def find(self, ns: NetworkNamespace) -> Sequence[str]:
        found = ns.ipsets.get(self.name)
        return () if found is None else found.entries

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        found = self.find(ns)
        if self.name not in ns.ipsets or any(entry.split()[:1] == [self.member] for entry in found):
            return None
        return missing(
            self,
            [f"add {self.name} {entry}" for entry in found[:MAX_SHOWN]],
            command=f"ipset {self.want}",
        )

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        found = ns.ipsets[self.name]
        added = replace(found, entries=(*found.entries, self.member))
        return replace(ns, ipsets={**ns.ipsets, self.name: added})
