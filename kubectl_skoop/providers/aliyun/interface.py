"""Elastic network interfaces: whose addresses they have, which groups guard them."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from kubectl_skoop.api import Address, raw
from kubectl_skoop.providers import interface as interface_of_any
from kubectl_skoop.providers.allow_list import Item


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface(interface_of_any.Interface):
    """An ENI."""

    vswitch: str = ""
    source_dest_check: bool = False
    """Off, unless the answer says otherwise: that is the cloud's default."""


def interface(item: Item) -> Interface:
    """Raises: ValueError (an address that is none)."""
    primary = raw.text(item, "PrivateIpAddress") or raw.text(item, "PrimaryIpAddress")
    entries = [
        {"PrivateIpAddress": primary, "AssociatedPublicIp": raw.mapping(item, "AssociatedPublicIp")},
        *raw.items(item, "PrivateIpSets", "PrivateIpSet"),
    ]
    prefixes = [raw.text(one, "Ipv4Prefix") for one in raw.items(item, "Ipv4PrefixSets", "Ipv4PrefixSet")]
    prefixes += [raw.text(one, "Ipv6Prefix") for one in raw.items(item, "Ipv6PrefixSets", "Ipv6PrefixSet")]
    return Interface(
        id=raw.text(item, "NetworkInterfaceId"),
        mac=raw.text(item, "MacAddress").lower(),
        vswitch=raw.text(item, "VSwitchId"),
        vpc=raw.text(item, "VpcId"),
        source_dest_check=raw.flag(item, "SourceDestCheck"),
        addresses=tuple(dict.fromkeys(_addresses(item, entries))),
        prefixes=tuple(str(ip_network(prefix)) for prefix in prefixes if prefix),
        public={
            ip_address(private): public
            for entry in entries
            if (private := raw.text(entry, "PrivateIpAddress"))
            and (public := raw.text(entry, "AssociatedPublicIp", "PublicIpAddress"))
        },
        groups=tuple(raw.texts(item, "SecurityGroupIds", "SecurityGroupId")),
        instance=raw.text(item, "InstanceId"),
    )


def _addresses(item: Item, entries: list[object]) -> Iterator[Address]:
    for entry in entries:
        if written := raw.text(entry, "PrivateIpAddress"):
            yield ip_address(written)
    for entry in raw.items(item, "Ipv6Sets", "Ipv6Set"):
        if written := raw.text(entry, "Ipv6Address"):
            yield ip_address(written)
