"""The VPC as collected: found by id, by MAC, by address; what is not there is unknown, with the reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from kubectl_skoop.api import Address, Unknown, raw
from kubectl_skoop.providers.aliyun.interface import Interface, interface
from kubectl_skoop.providers.aliyun.kept import KINDS
from kubectl_skoop.providers.allow_list import Item, Kind
from kubectl_skoop.providers.collected import Collected
from kubectl_skoop.providers.network import contains

_SERVICES = "100.64.0.0/10"


@dataclass(frozen=True)
class Inventory(Collected):
    """What `gather` returned."""

    cloud: ClassVar[str] = "Alibaba Cloud"
    kinds: ClassVar[Mapping[str, Kind]] = KINDS

    @cached_property
    def interfaces(self) -> Sequence[Interface]:
        """Of DescribeNetworkInterfaces, and those that only the instances tell of."""
        by_id = {made.id: made for item in self._interface_items() if (made := interface(item)).id}
        return tuple(by_id.values())

    def _interface_items(self) -> Iterator[Item]:
        for instance in self.known("Instances"):
            inherited = {
                "InstanceId": instance.get("InstanceId"),
                "VpcId": raw.text(instance, "VpcAttributes", "VpcId"),
                "VSwitchId": raw.text(instance, "VpcAttributes", "VSwitchId"),
                "SecurityGroupIds": instance.get("SecurityGroupIds"),
            }
            primary = raw.items(instance, "NetworkInterfaces", "NetworkInterface")
            for item in primary:
                if isinstance(item, Mapping) and raw.text(item, "Type") == "Primary":
                    yield {**inherited, **item}
        yield from self.known("NetworkInterfaces")

    @cached_property
    def by_instance(self) -> Mapping[str, Sequence[Interface]]:
        found: dict[str, list[Interface]] = {}
        for each in self.interfaces:
            found.setdefault(each.instance, []).append(each)
        return found

    @cached_property
    def _by_mac(self) -> Mapping[str, Interface]:
        return {each.mac: each for each in self.interfaces if each.mac}

    @cached_property
    def _by_address(self) -> Mapping[tuple[str, Address], Interface]:
        return {(each.vpc, address): each for each in self.interfaces for address in each.addresses}

    @cached_property
    def _with_prefixes(self) -> Sequence[Interface]:
        return [each for each in self.interfaces if each.prefixes]

    def by_mac(self, mac: str) -> Interface | Unknown:
        found = self._by_mac.get(mac.lower())
        return found or Unknown(f"no network interface with the MAC {mac or '(none)'} is known{self._why}")

    def by_address(self, vpc: str, address: Address) -> Interface | Unknown:
        """In this VPC: by an address of its own, or one of a prefix that it has."""
        found = self._by_address.get((vpc, address))
        if found is None:
            others = (each for each in self._with_prefixes if each.vpc == vpc and each.has(address))
            found = next(others, None)
        return found or Unknown(f"no network interface with {address} is known in {vpc}{self._why}")

    @property
    def _why(self) -> str:
        state = self.whole("NetworkInterfaces")
        return f" ({state.reason})" if isinstance(state, Unknown) else ""

    def in_vpc(self, vpc: str, address: Address) -> bool | Unknown:
        """The address is of one of the VPC's networks."""
        item = self.one("Vpcs", vpc)
        if isinstance(item, Unknown):
            return item
        texts = [raw.text(item, "CidrBlock"), raw.text(item, "Ipv6CidrBlock")]
        texts += raw.texts(item, "SecondaryCidrBlocks", "SecondaryCidrBlock")
        more = raw.items(item, "Ipv6CidrBlocks", "Ipv6CidrBlock")
        texts += [raw.text(entry, "Ipv6CidrBlock") for entry in more]
        return any(contains(text, address) for text in texts if text)

    def public(self, at: Interface, address: Address) -> str | Unknown | None:
        """The public address that a private one is translated to; None: it has none."""
        if found := at.public.get(address):
            return found
        bound = {at.id, at.instance} - {""}
        for eip in self.known("EipAddresses"):
            private = raw.text(eip, "PrivateIpAddress")
            own = private == str(address) if private else _is_primary(at, address)
            if own and raw.text(eip, "InstanceId") in bound:
                return raw.text(eip, "IpAddress")
        instance = self.one("Instances", at.instance) if at.instance else None
        if not isinstance(instance, Mapping):
            return instance
        if str(address) in raw.texts(instance, "VpcAttributes", "PrivateIpAddress", "IpAddress"):
            static = raw.texts(instance, "PublicIpAddress", "IpAddress")
            return raw.text(instance, "EipAddress", "IpAddress") or next(iter(static), None)
        return None

    def prefix_list(self, key: str) -> Sequence[str] | Unknown:
        """Its networks, as written."""
        item = self.one("PrefixLists", key)
        if isinstance(item, Unknown):
            return item
        return [raw.text(entry, "Cidr") for entry in raw.items(item, "Entries", "Entry")]


def _is_primary(at: Interface, address: Address) -> bool:
    return at.addresses[:1] == (address,)


def is_service(address: Address) -> bool:
    """Of the cloud itself: its resolvers, its metadata, the far ends of its load balancers."""
    return address.is_link_local or contains(_SERVICES, address)
