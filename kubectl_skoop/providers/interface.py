"""Network interfaces of instances, as far as both clouds have them alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubectl_skoop.api import Address
from kubectl_skoop.providers.network import contains


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """An elastic network interface (ENI)."""

    id: str
    mac: str = ""
    """In small letters."""
    vpc: str = ""
    instance: str = ""
    """Its id; empty: it hangs on none, or the answer does not say on which."""
    addresses: tuple[Address, ...] = ()
    """Primary and secondary ones: the latter are the pods' (VPC CNI, Terway)."""
    prefixes: tuple[str, ...] = ()
    """Networks of addresses that are its own, too (prefix delegation)."""
    public: Mapping[Address, str] = field(default_factory=dict)
    """Public addresses by the private ones that they are translated to."""
    groups: tuple[str, ...] = ()
    """Ids of its security groups."""

    def has(self, address: Address) -> bool:
        return address in self.addresses or any(contains(prefix, address) for prefix in self.prefixes)
