"""Sysctls as collected, with the kernel's rules for combining `all` and a device (inetdevice.h, K-48)."""

from collections.abc import Mapping
from typing import NamedTuple


class Sysctls(NamedTuple):
    """Keys with dots as sysctl(8) prints them; a dot in a device name is written `/`."""

    values: Mapping[str, str]
    unread: Mapping[str, str] = {}
    """Why files that the kernel has could not be read."""

    def text(self, key: str) -> str | None:
        """As collected; None: the file does not exist (the feature is not loaded) or was not read."""
        return self.values.get(key)

    def number(self, key: str, default: int) -> int:
        value = self.values.get(key)
        if value is None:
            return default
        try:
            return int(value if value.isdecimal() else value.split()[0])
        except (ValueError, IndexError):
            return default

    def device(self, name: str, key: str, default: int = 0, family: int = 4) -> int:
        return self.number(f"net.ipv{family}.conf.{device_key(name)}.{key}", default)

    def maximum(self, name: str, key: str, default: int = 0) -> int:
        """IN_DEV_MAXCONF: rp_filter, arp_ignore, arp_announce."""
        return max(self.device("all", key, default), self.device(name, key, default))

    def either(self, name: str, key: str, default: int = 0) -> bool:
        """IN_DEV_ORCONF: proxy_arp, src_valid_mark, accept_local, route_localnet, send_redirects …"""
        return bool(self.device("all", key, default) or self.device(name, key, default))

    def forwarding(self, name: str, family: int = 4) -> bool:
        """IPv4: the device's own value alone. IPv6: that of `all`, or the device's force_forwarding."""
        if family == 4:
            return bool(self.device(name, "forwarding"))
        return bool(self.device("all", "forwarding", 0, 6) or self.device(name, "force_forwarding", 0, 6))


def device_key(name: str) -> str:
    """A device's name as sysctl keys have it: `eth0.5` is `eth0/5` (sysctl(8))."""
    return name.replace(".", "/") if "." in name else name
