"""Addresses of devices, in the kernel's order."""

from ipaddress import IPv6Network

from kubectl_skoop.netstack.device import InterfaceAddress
from kubectl_skoop.netstack.routing.types import AddressLabel
from kubectl_skoop.snapshot.decode.entry import Entry, entries

IFA_F_SECONDARY = 0x01


def decode_addresses(data: object) -> tuple[InterfaceAddress, ...]:
    """Raises: FormatError."""
    return tuple(_address(entry) for entry in entries(data, "$.addresses"))


def _address(entry: Entry) -> InterfaceAddress:
    """IFA_LOCAL is the own address and IFA_ADDRESS the other end; IPv6 without a peer has the latter only."""
    far = entry.address("address")
    address = entry.optional_address("local") or far
    flags = entry.number("flags", entry.number("ifa_flags", 0))
    return InterfaceAddress(
        device=entry.number("index"),
        address=address,
        prefix=entry.number("prefixlen"),
        scope=entry.number("scope"),
        peer=far if far != address else None,
        broadcast=entry.optional_address("broadcast"),
        secondary=address.version == 4 and bool(flags & IFA_F_SECONDARY),
        flags=flags,
    )


def decode_labels(data: object) -> tuple[AddressLabel, ...]:
    """Of IPv6 prefixes. Raises: FormatError."""
    return tuple(
        AddressLabel(prefix, entry.number("label"), entry.number("index", 0))
        for entry in entries(data, "$.address_labels")
        if isinstance(prefix := entry.network("address", "prefixlen", 6), IPv6Network)
    )
