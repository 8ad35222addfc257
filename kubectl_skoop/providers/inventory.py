"""A VPC as collected: its interfaces by instance, by MAC, by address, whatever the cloud."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from kubectl_skoop.api import Address, Unknown
from kubectl_skoop.providers.collected import Collected
from kubectl_skoop.providers.interface import Interface

INTERFACES = "NetworkInterfaces"
InterfaceT = TypeVar("InterfaceT", bound=Interface)


@dataclass(frozen=True)
class VpcInventory(Collected, Generic[InterfaceT]):
    """What is not there is unknown, with the reason."""

    def told(self) -> Iterator[InterfaceT]:
        """Interfaces in the order of the answers; of those with one id the last counts.

        Raises: ValueError (an address that is none).
        """
        raise NotImplementedError

    @cached_property
    def interfaces(self) -> Sequence[InterfaceT]:
        by_id = {each.id: each for each in self.told() if each.id}
        return tuple(by_id.values())

    @cached_property
    def by_instance(self) -> Mapping[str, Sequence[InterfaceT]]:
        found: dict[str, list[InterfaceT]] = {}
        for each in self.interfaces:
            found.setdefault(each.instance, []).append(each)
        return found

    def by_mac(self, mac: str) -> InterfaceT | Unknown:
        found = self._by_mac.get(mac.lower())
        return found or Unknown(f"no network interface with the MAC {mac or '(none)'} is known{self._why}")

    def by_address(self, vpc: str, address: Address) -> InterfaceT | Unknown:
        """In this VPC: by an address of its own, or one of a prefix that it has."""
        found = self._by_address.get((vpc, address))
        if found is None:
            others = (each for each in self._with_prefixes if each.vpc == vpc and each.has(address))
            found = next(others, None)
        return found or Unknown(f"no network interface with {address} is known in {vpc}{self._why}")

    @cached_property
    def _by_mac(self) -> Mapping[str, InterfaceT]:
        return {each.mac: each for each in self.interfaces if each.mac}

    @cached_property
    def _by_address(self) -> Mapping[tuple[str, Address], InterfaceT]:
        return {(each.vpc, address): each for each in self.interfaces for address in each.addresses}

    @cached_property
    def _with_prefixes(self) -> Sequence[InterfaceT]:
        return [each for each in self.interfaces if each.prefixes]

    @property
    def _why(self) -> str:
        state = self.whole(INTERFACES)
        return f" ({state.reason})" if isinstance(state, Unknown) else ""
