"""An address on a device."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface
from typing import ClassVar

from kubectl_skoop.diagnosis.expectation import Deviation, Expectation, missing
from kubectl_skoop.diagnosis.expectations.link_up import connected_routes
from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.netstack.namespace import NetworkNamespace


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressExpectation(Expectation):
    table: ClassVar[str] = "address"
    sections: ClassVar[tuple[str, ...]] = ("links", "addresses")

    dev: str
    address: IPv4Interface | IPv6Interface
    any_prefix: bool = False
    """The prefix length is not compared, only used when mending."""

    @property
    def key(self) -> str:
        return f"the address {self.address.ip if self.any_prefix else self.address} on {self.dev}"

    @property
    def device(self) -> str:
        return self.dev

    @property
    def want(self) -> str:
        return _line(self.dev, self.address.ip, self.address.network.prefixlen)

    def find(self, ns: NetworkNamespace) -> Sequence[InterfaceAddress]:
        """All of the device, of this family."""
        device = ns.device_by_name.get(self.dev)
        return tuple(
            entry
            for entry in ns.addresses
            if device is not None
            and entry.device == device.index
            and entry.address.version == self.address.version
        )

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        found = self.find(ns)
        right = (
            entry.address == self.address.ip
            and (self.any_prefix or entry.prefix == self.address.network.prefixlen)
            for entry in found
        )
        if any(right):
            return None
        texts = [_line(self.dev, entry.address, entry.prefix) for entry in found]
        return missing(self, texts, command=f"ip addr add {self.address} dev {self.dev}")

    def mend(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        device = ns.device_by_name.get(self.dev)
        if device is None:
            return None
        network = self.address.network
        wanted = InterfaceAddress(
            device=device.index,
            address=self.address.ip,
            prefix=network.prefixlen,
            broadcast=network.broadcast_address if network.version == 4 and network.prefixlen < 31 else None,
        )
        kept = tuple(
            entry for entry in ns.addresses if entry not in self.find(ns) or entry.address != wanted.address
        )
        mended = replace(ns, addresses=(*kept, wanted))
        if not device.up:
            return mended
        new = [route for route in connected_routes(mended, device) if route not in ns.routes]
        return replace(mended, routes=(*ns.routes, *new))


def _line(dev: str, address: Address, prefix: int) -> str:
    return f"{dev} {'inet6' if address.version == 6 else 'inet'} {address}/{prefix}"
