"""Link-layer addresses: the maker's prefix goes, "group" and "locally administered" stay."""

import re
from ipaddress import IPv4Address, IPv6Address

from kubectl_skoop.snapshot.redact.address import LOW, AddressMap
from kubectl_skoop.snapshot.redact.prf import prf

WRITTEN = re.compile(r"[0-9a-fA-F]{2}(?::[0-9a-fA-F]{2}){3,31}")
GROUP_BITS = 0x03
"""Of the first octet: group, and locally administered (IEEE 802)."""
CALICO = bytes.fromhex("eeeeeeeeeeee")
"""Calico gives it to every device of a pod."""
_IPV4_GROUPS, _IPV6_GROUPS, _SOLICITED, _LINK_GROUPS = (
    bytes.fromhex(text) for text in ("01005e", "3333", "3333ff", "0180c2")
)


class MacMap:
    """Of any length; one of 4 or 16 octets is the address of a tunnel's end."""

    def __init__(self, key: bytes, addresses: AddressMap) -> None:
        self._key = key
        self._addresses = addresses
        self.changed: dict[str, str] = {}

    def mac(self, text: str) -> str:
        """`text`: pairs of hexadecimal digits, with colons."""
        written = text.lower()
        octets = self._mapped(bytes.fromhex(written.replace(":", "")))
        found = octets.hex(":")
        if found != written:
            self.changed[written] = found
        return found

    def _mapped(self, octets: bytes) -> bytes:
        if not any(octets) or octets == b"\xff" * len(octets) or octets == CALICO:
            return octets
        match len(octets):
            case 4:
                return self._addresses.address(IPv4Address(octets)).packed
            case 16:
                return self._addresses.address(IPv6Address(octets)).packed
        if octets.startswith(_SOLICITED):
            return _SOLICITED + self._addresses.group(int.from_bytes(octets[3:6], "big") & LOW).to_bytes(
                3, "big"
            )
        if octets.startswith((_IPV4_GROUPS, _IPV6_GROUPS, _LINK_GROUPS)):
            return octets
        random = prf(self._key, "mac", octets, len(octets))
        return bytes([random[0] & ~GROUP_BITS | octets[0] & GROUP_BITS]) + random[1:]
