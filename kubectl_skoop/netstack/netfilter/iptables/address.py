"""Addresses in rules: with any mask, also one with holes."""

from ipaddress import AddressValueError, IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.netfilter.iptables.options import Unreadable


class MaskedAddress(NamedTuple):
    """`ADDRESS/MASK`; the mask may have holes."""

    value: int
    mask: int

    def contains(self, address: Address) -> bool:
        return int(address) & self.mask == self.value


def masked_address(text: str, family: int) -> MaskedAddress:
    """`ADDRESS`, `ADDRESS/PREFIX` or `ADDRESS/MASK`. Raises: Unreadable."""
    address, slash, mask_text = text.partition("/")
    bits = 32 if family == 4 else 128
    full = (1 << bits) - 1
    try:
        value = _parse(address, family)
        if not slash:
            mask = full
        elif mask_text.isdigit():
            mask = full ^ (full >> int(mask_text))
        else:
            mask = _parse(mask_text, family)
    except (AddressValueError, ValueError):
        raise Unreadable(f"{text} is no IPv{family} address") from None
    return MaskedAddress(value & mask, mask)


def _parse(text: str, family: int) -> int:
    return int(IPv4Address(text)) if family == 4 else int(IPv6Address(text))


def address(text: str) -> Address:
    try:
        return ip_address(text)
    except ValueError:
        raise Unreadable(f"{text} is no address") from None


def address_range(text: str) -> tuple[Address, Address]:
    """`LOW-HIGH` or one address, inclusive."""
    low, dash, high = text.partition("-")
    first = address(low)
    return first, address(high) if dash else first
