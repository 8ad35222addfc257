"""The VPC as collected: found by id, by MAC, by address; what is not there is unknown, with the reason."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from ipaddress import ip_network
from typing import ClassVar

from kubectl_skoop.api import Address, Unknown, raw
from kubectl_skoop.providers.allow_list import Item, Kind
from kubectl_skoop.providers.aws.interface import Interface, interface
from kubectl_skoop.providers.aws.kept import KINDS
from kubectl_skoop.providers.inventory import VpcInventory
from kubectl_skoop.providers.network import contains

_RESERVED = 4


@dataclass(frozen=True)
class Inventory(VpcInventory[Interface]):
    """What `gather` returned."""

    cloud: ClassVar[str] = "AWS"
    kinds: ClassVar[Mapping[str, Kind]] = KINDS

    def told(self) -> Iterator[Interface]:
        """Of describe-network-interfaces, and those that instances tell of."""
        return map(interface, self._interface_items())

    def _interface_items(self) -> Iterator[Item]:
        instances = self.all("Instances")
        for instance in [] if isinstance(instances, Unknown) else instances:
            for item in raw.items(instance, "NetworkInterfaces"):
                if isinstance(item, Mapping):
                    yield {"VpcId": instance.get("VpcId"), **item, "InstanceId": instance.get("InstanceId")}
        own = self.all("NetworkInterfaces")
        yield from [] if isinstance(own, Unknown) else own

    @cached_property
    def by_description(self) -> Mapping[str, Sequence[Interface]]:
        found: dict[str, list[Interface]] = {}
        for each in self.interfaces:
            found.setdefault(each.description, []).append(each)
        return found

    def in_vpc(self, vpc: str, address: Address) -> bool | Unknown:
        """The address is of one of the VPC's networks."""
        item = self.one("Vpcs", vpc)
        if isinstance(item, Unknown):
            return item
        texts = [raw.text(item, "CidrBlock")]
        texts += [raw.text(entry, "CidrBlock") for entry in raw.items(item, "CidrBlockAssociationSet")]
        texts += [
            raw.text(entry, "Ipv6CidrBlock") for entry in raw.items(item, "Ipv6CidrBlockAssociationSet")
        ]
        return any(contains(text, address) for text in texts if text)

    def peer_of(self, connection: str, vpc: str) -> str:
        """The VPC at the other end of a peering connection that works; empty: none that is known."""
        item = self.one("VpcPeeringConnections", connection)
        if isinstance(item, Unknown) or raw.text(item, "Status", "Code") != "active":
            return ""
        ends = [raw.text(item, side, "VpcId") for side in ("RequesterVpcInfo", "AccepterVpcInfo")]
        return next((end for end in ends if end != vpc), "") if vpc in ends else ""

    def is_amazons(self, vpc: str, address: Address) -> bool:
        """The first four addresses of a subnet are Amazon's own, its router and resolver among them."""
        subnets = self.all("Subnets")
        for subnet in [] if isinstance(subnets, Unknown) else subnets:
            written = raw.text(subnet, "CidrBlock")
            if raw.text(subnet, "VpcId") == vpc and contains(written, address):
                return int(address) - int(ip_network(written).network_address) < _RESERVED
        return False

    def prefix_list(self, key: str) -> Sequence[str] | Unknown:
        """Its networks, as written."""
        item = self.one("PrefixLists", key)
        if isinstance(item, Unknown):
            return item
        if "Cidrs" not in item and "Entries" not in item:
            return Unknown(f"the entries of prefix list {key} were not collected")
        entries = raw.items(item, "Entries")
        return [*raw.texts(item, "Cidrs"), *(raw.text(entry, "Cidr") for entry in entries)]


def named(item: Item, key: str) -> str:
    """`acl-0ab (public)`: its id, and its name tag or group name."""
    tags = (raw.text(tag, "Value") for tag in raw.items(item, "Tags"))
    name = raw.text(item, "GroupName") or next(tags, "")
    return f"{raw.text(item, key)} ({name})" if name else raw.text(item, key)
