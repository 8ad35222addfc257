"""A setting under /proc/sys/net."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, differs, missing
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.sysctl import Sysctls

_FORWARDING_SWITCHES = ("net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding")


@dataclass(frozen=True, slots=True, kw_only=True)
class SysctlExpectation(Expectation):
    """A kernel setting with one of the values that work."""

    table: ClassVar[str] = "sysctl"
    sections: ClassVar[tuple[str, ...]] = ("sysctls",)

    name: str
    """As sysctl prints it, a dot in a device name written `/`. Not compared where that device is missing."""
    values: tuple[str, ...] = ()
    """Each is right, the first is written when mending."""
    at_least: int | None = None
    follows: str = ""
    """A switch that sets it, too: compared only while the switch itself is as wanted."""

    @property
    def key(self) -> str:
        return self.name

    @property
    def want(self) -> str:
        if self.at_least is not None:
            return f"{self.name} = {self.at_least} or more"
        return f"{self.name} = {' or '.join(self.values)}"

    @property
    def device(self) -> str:
        match self.name.split("."):
            case ["net", _, "conf" | "neigh", device, _] if device not in ("all", "default"):
                return device.replace("/", ".")
        return ""

    def find(self, ns: NetworkNamespace) -> Sequence[str]:
        text = ns.sysctls.text(self.name)
        return () if text is None else (text,)

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        switch = ns.sysctls.text(self.follows) if self.follows else None
        if switch is not None and not self._right(switch):
            return None
        text = ns.sysctls.text(self.name)
        command = f"sysctl -w {self.name}={self._wanted}"
        if text is None:
            gone = self.device and "links" not in ns.gaps and self.device not in ns.device_by_name
            return None if gone else missing(self, command=command)
        if self._right(text):
            return None
        return differs(self, f"is {text.strip()}", [f"{self.name} = {text.strip()}"], command=command)

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        changed = dict(_written(ns, self.name, self._wanted))
        return replace(ns, sysctls=Sysctls({**ns.sysctls.values, **changed}))

    @property
    def _wanted(self) -> str:
        return str(self.at_least) if self.at_least is not None else self.values[0]

    def _right(self, text: str) -> bool:
        if self.at_least is None:
            return text.split() in [value.split() for value in self.values]
        return Sysctls({self.name: text}).number(self.name, 0) >= self.at_least


def _written(ns: NetworkNamespace, name: str, value: str) -> Iterator[tuple[str, str]]:
    """Everything that changes with it (inet_forward_change, addrconf_fixup_forwarding)."""
    yield name, value
    if name in _FORWARDING_SWITCHES:
        yield from ((switch, value) for switch in _FORWARDING_SWITCHES)
        yield from _of_all_devices(ns, "net.ipv4.conf.", value)
    elif name == "net.ipv6.conf.all.forwarding":
        yield from _of_all_devices(ns, "net.ipv6.conf.", value)


def _of_all_devices(ns: NetworkNamespace, prefix: str, value: str) -> Iterator[tuple[str, str]]:
    for key in ns.sysctls.values:
        if key.startswith(prefix) and key.endswith(".forwarding"):
            yield key, value
