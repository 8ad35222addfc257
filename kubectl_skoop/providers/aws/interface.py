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

    subnet: str = ""
    description: str = ""
    source_dest_check: bool | None = None
    """None: the answer does not say."""


def interface(item: Item) -> Interface:
    """Raises: ValueError (an address that is none)."""
    entries = [
        {"PrivateIpAddress": raw.text(item, "PrivateIpAddress")},
        *raw.items(item, "PrivateIpAddresses"),
    ]
    own = dict.fromkeys(_addresses(item, entries))
    checked = item.get("SourceDestCheck")
    prefixes = [raw.text(entry, "Ipv4Prefix") for entry in raw.items(item, "Ipv4Prefixes")]
    prefixes += [raw.text(entry, "Ipv6Prefix") for entry in raw.items(item, "Ipv6Prefixes")]
    return Interface(
        id=raw.text(item, "NetworkInterfaceId"),
        mac=raw.text(item, "MacAddress").lower(),
        subnet=raw.text(item, "SubnetId"),
        vpc=raw.text(item, "VpcId"),
        description=raw.text(item, "Description"),
        source_dest_check=checked if isinstance(checked, bool) else None,
        addresses=tuple(own),
        prefixes=tuple(str(ip_network(prefix)) for prefix in prefixes if prefix),
        public={
            ip_address(raw.text(entry, "PrivateIpAddress")): public
            for entry in entries
            if (public := raw.text(entry, "Association", "PublicIp"))
        },
        groups=tuple(raw.text(entry, "GroupId") for entry in raw.items(item, "Groups")),
        instance=raw.text(item, "Attachment", "InstanceId") or raw.text(item, "InstanceId"),
    )


def _addresses(item: Item, entries: list[object]) -> Iterator[Address]:
    for entry in entries:
        if written := raw.text(entry, "PrivateIpAddress"):
            yield ip_address(written)
    for entry in raw.items(item, "Ipv6Addresses"):
        if written := raw.text(entry, "Ipv6Address"):
            yield ip_address(written)
