"""A forwarding entry of a vxlan device."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, differs, missing
from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.neighbours.neighbour_types import FdbEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class FdbExpectation(Expectation):
    """An entry of a tunnel device that says behind which node a MAC is."""

    table: ClassVar[str] = "fdb"
    sections: ClassVar[tuple[str, ...]] = ("links", "fdb")

    mac: str
    dev: str
    dst: Address

    @property
    def key(self) -> str:
        return f"the forwarding entry for {self.mac} on {self.dev}"

    @property
    def device(self) -> str:
        return self.dev

    @property
    def want(self) -> str:
        return f"{self.mac} dev {self.dev} dst {self.dst} self permanent"

    def find(self, ns: NetworkNamespace) -> Sequence[FdbEntry]:
        device = ns.device_by_name.get(self.dev)
        if device is None:
            return ()
        entries = ns.fdb_by_key.get((device.index, self.mac), ())
        return tuple(entry for entry in entries if entry.bridge == 0)

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        found = self.find(ns)
        command = f"bridge fdb replace {self.mac} dev {self.dev} dst {self.dst} self permanent"
        if not found:
            return missing(self, command=command)
        if all(entry.destination == self.dst for entry in found):
            return None
        leads = ", ".join(str(entry.destination) for entry in found)
        how = f"leads to {leads}, not to {self.dst} alone"
        return differs(self, how, [fdb_text(ns, entry) for entry in found], command=command)

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        device = ns.device_by_name.get(self.dev)
        if device is None:
            return None
        found = self.find(ns)
        others = tuple(entry for entry in ns.fdb if entry not in found)
        wanted = FdbEntry(mac=self.mac, port=device.index, destination=self.dst, static=True)
        return replace(ns, fdb=(*others, wanted))


def fdb_text(ns: NetworkNamespace, entry: FdbEntry) -> str:
    """As `bridge fdb` prints it."""
    destination = f" dst {entry.destination}" if entry.destination else ""
    return f"{entry.mac} dev {ns.device_name(entry.port)}{destination}"
