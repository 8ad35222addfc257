"""A neighbour entry."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, differs, missing
from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import NUD_PERMANENT, Neighbour

STATES = {
    0x00: "NONE",
    0x01: "INCOMPLETE",
    0x02: "REACHABLE",
    0x04: "STALE",
    0x08: "DELAY",
    0x10: "PROBE",
    0x20: "FAILED",
    0x40: "NOARP",
    0x80: "PERMANENT",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NeighbourExpectation(Expectation):
    """A neighbour entry that the CNI writes."""

    table: ClassVar[str] = "neighbour"
    sections: ClassVar[tuple[str, ...]] = ("links", "neighbours")

    address: Address
    dev: str
    mac: str
    required: bool = True
    """False: it may be absent, unresolved or be resolved, but must not name another MAC."""

    @property
    def key(self) -> str:
        return f"the neighbour {self.address} on {self.dev}"

    @property
    def device(self) -> str:
        return self.dev

    @property
    def want(self) -> str:
        return f"{self.address} dev {self.dev} lladdr {self.mac}" + (" PERMANENT" if self.required else "")

    def find(self, ns: NetworkNamespace) -> Sequence[Neighbour]:
        device = ns.device_by_name.get(self.dev)
        entry = ns.neighbour_by_key.get((device.index, self.address)) if device else None
        return () if entry is None else (entry,)

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        found = self.find(ns)
        command = f"ip neigh replace {self.address} lladdr {self.mac} dev {self.dev}"
        command += " nud permanent" if self.required else " nud reachable"
        if not found:
            return missing(self, command=command) if self.required else None
        entry = found[0]
        text = [neighbour_text(ns, entry)]
        if not entry.valid:
            state = STATES.get(entry.state, str(entry.state))
            return differs(self, f"is {state}", text, command=command) if self.required else None
        if entry.mac != self.mac:
            return differs(self, f"has the MAC {entry.mac}, not {self.mac}", text, command=command)
        return None

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        device = ns.device_by_name.get(self.dev)
        if device is None:
            return None
        found = self.find(ns)
        others = tuple(entry for entry in ns.neighbours if entry not in found)
        if not self.required:
            return replace(ns, neighbours=others)
        wanted = Neighbour(device=device.index, address=self.address, mac=self.mac, state=NUD_PERMANENT)
        return replace(ns, neighbours=(*others, wanted))


def neighbour_text(ns: NetworkNamespace, entry: Neighbour) -> str:
    """As `ip neigh` prints it."""
    mac = f" lladdr {entry.mac}" if entry.mac else ""
    state = STATES.get(entry.state, hex(entry.state))
    return f"{entry.address} dev {ns.device_name(entry.device)}{mac} {state}"
