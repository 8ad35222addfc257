"""The VPC as collected: found by id, by MAC, by address; what is not there is unknown, with the reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from kubectl_skoop.api import Address, Unknown, raw
from kubectl_skoop.providers.aliyun.interface import Interface, interface
from kubectl_skoop.providers.aliyun.kept import KINDS
from kubectl_skoop.providers.allow_list import Item, Kind
from kubectl_skoop.providers.inventory import VpcInventory
from kubectl_skoop.providers.network import contains

_SERVICES = "100.64.0.0/10"


@dataclass(frozen=True)
class Inventory(VpcInventory[Interface]):
    """What `gather` returned."""

    cloud: ClassVar[str] = "Alibaba Cloud"
    kinds: ClassVar[Mapping[str, Kind]] = KINDS

    def told(self) -> Iterator[Interface]:
        """Of DescribeNetworkInterfaces, and those that only the instances tell of."""
        return map(interface, self._interface_items())

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
