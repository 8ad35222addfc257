"""An address on a device."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Interface, IPv6Interface
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, differs, missing
from kubectl_skoop.diagnosis.expectations.link_up import connected_routes
from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.types import PROTO_KERNEL, SCOPE_UNIVERSE


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressExpectation(Expectation):
    """Not compared where the device is missing: that is a deviation of its own."""

    table: ClassVar[str] = "address"
    sections: ClassVar[tuple[str, ...]] = ("links", "addresses")

    dev: str
    address: IPv4Interface | IPv6Interface
    any_prefix: bool = False
    """The prefix length is not compared, only used when mending."""
    others: tuple[Address, ...] | None = None
    """Which further addresses of global scope the device may have; None: any."""

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
        if self.dev not in ns.device_by_name:
            return None
        found = self.find(ns)
        right = [
            entry
            for entry in found
            if entry.address == self.address.ip
            and (self.any_prefix or entry.prefix == self.address.network.prefixlen)
        ]
        if not right:
            texts = [_line(self.dev, entry.address, entry.prefix) for entry in found]
            return missing(self, texts, command=f"ip addr add {self.address} dev {self.dev}")
        strange = self._strange(found)
        if not strange:
            return None
        texts = [_line(self.dev, entry.address, entry.prefix) for entry in strange]
        listed = ", ".join(f"{entry.address}/{entry.prefix}" for entry in strange)
        command = f"ip addr del {strange[0].address}/{strange[0].prefix} dev {self.dev}"
        return differs(self, f"is not alone: {listed} is there, too", texts, command=command)

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        device = ns.device_by_name.get(self.dev)
        if device is None:
            return None
        strange = self._strange(self.find(ns))
        if strange:
            return _without(ns, strange)
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

    def _strange(self, found: Sequence[InterfaceAddress]) -> list[InterfaceAddress]:
        if self.others is None:
            return []
        expected = {self.address.ip, *self.others}
        return [
            entry
            for entry in found
            if entry.scope == SCOPE_UNIVERSE
            and entry.address not in expected
            and not entry.address.is_link_local
        ]


def _without(ns: NetworkNamespace, strange: Sequence[InterfaceAddress]) -> NetworkNamespace:
    """fib_del_ifaddr: the routes that the kernel made for the addresses go, too."""
    gone = {entry.address for entry in strange}
    routes = tuple(
        route for route in ns.routes if route.protocol != PROTO_KERNEL or route.prefsrc not in gone
    )
    kept = tuple(entry for entry in ns.addresses if entry not in strange)
    return replace(ns, addresses=kept, routes=routes)


def _line(dev: str, address: Address, prefix: int) -> str:
    return f"{dev} {'inet6' if address.version == 6 else 'inet'} {address}/{prefix}"
