"""A network device and its settings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from kubectl_skoop.diagnosis.expectations.expectation import Deviation, Expectation, differs, missing
from kubectl_skoop.diagnosis.expectations.link_up import bring_up
from kubectl_skoop.model.packet import Address, Protocol
from kubectl_skoop.netstack.device import (
    IFF_BROADCAST,
    IFF_LOWER_UP,
    IFF_NOARP,
    IFF_POINTOPOINT,
    BridgePort,
    Device,
    Vxlan,
)
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.sysctl import Sysctls, device_key

if TYPE_CHECKING:
    from kubectl_skoop.netstack.devices.wireguard_types import Wireguard

DEFAULTS = "net.ipv4.conf.default."
NEW_DEVICE = IFF_BROADCAST | IFF_LOWER_UP
"""Flags of a device that is not up yet."""
NEW_TUNNEL = IFF_NOARP | IFF_POINTOPOINT | IFF_LOWER_UP
"""The same of an ipip device (ipip_tunnel_setup)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceExpectation(Expectation):
    """Fields that are None or empty are not compared."""

    table: ClassVar[str] = "device"
    sections: ClassVar[tuple[str, ...]] = ("links",)

    name: str
    kind: str = ""
    up: bool | None = None
    carrier: bool | None = None
    mtu: int | None = None
    """Exactly, bytes."""
    max_mtu: int | None = None
    min_mtu: int | None = None
    arp: bool | None = None
    mac: str = ""
    master: str = ""
    vni: int | None = None
    port: int | None = None
    """UDP port of a vxlan or wireguard device."""
    local: Address | None = None
    """Source address of the outer packets of a vxlan or ipip device."""
    digest: str = ""
    """Of a wireguard device's public key; not compared where none was collected."""
    programs: tuple[str, ...] = ()
    """Where a BPF program or another tc filter must see its packets: `ingress`, `egress`."""

    @property
    def key(self) -> str:
        return f"device {self.name}"

    @property
    def device(self) -> str:
        return self.name

    @property
    def want(self) -> str:
        words = [self.name, self.kind]
        settings = (("id", self.vni), ("dstport", self.port), ("local", self.local), ("mtu", self.mtu))
        words += [f"{word} {value}" for word, value in settings if value is not None]
        words += [f"mtu at most {self.max_mtu}"] if self.max_mtu is not None else []
        words += [f"mtu at least {self.min_mtu}"] if self.min_mtu is not None else []
        words += [f"address {self.mac}"] if self.mac else []
        words += [f"key digest {self.digest}"] if self.digest else []
        words += [f"arp {'on' if self.arp else 'off'}"] if self.arp is not None else []
        words += [f"master {self.master}"] if self.master else []
        words += ["up" if self.up else "down"] if self.up is not None else []
        words += ["with a carrier"] if self.carrier else []
        words += [f"with a program at {place}" for place in self.programs]
        return " ".join(word for word in words if word)

    def find(self, ns: NetworkNamespace) -> Sequence[Device]:
        device = ns.device_by_name.get(self.name)
        return () if device is None else (device,)

    def difference(self, ns: NetworkNamespace) -> Deviation | None:
        device = ns.device_by_name.get(self.name)
        if device is None:
            return missing(self)
        wrong = [
            *self._wrong_link(ns, device),
            *self._wrong_tunnel(device),
            *(_Aspect(f"has no program at {place}", "", "") for place in self._bare(ns, device)),
        ]
        if not wrong:
            return None
        how = " and ".join(aspect.problem for aspect in wrong)
        found = " ".join([self.name, *(aspect.has for aspect in wrong if aspect.has)])
        command = "; ".join(aspect.command for aspect in wrong if aspect.command)
        return differs(self, how, [found], command=command)

    def put_right(self, ns: NetworkNamespace) -> NetworkNamespace | None:
        device = ns.device_by_name.get(self.name)
        if device is None and (device := self._made(ns)) is not None:
            ns = replace(ns, sysctls=with_default_settings(ns.sysctls, self.name))
        if device is None or (self.kind and device.kind != self.kind):
            return None
        if (self.carrier and device.up and not device.carrier) or self._bare(ns, device):
            return None
        changed = replace(
            device, mac=self.mac or device.mac, mtu=self._mtu(device), flags=self._flags(device)
        )
        if device.vxlan is not None:
            changed = replace(changed, vxlan=self._vxlan(device.vxlan))
        if device.tunnel is not None:
            changed = replace(changed, tunnel=device.tunnel._replace(local=self.local or device.tunnel.local))
        if device.wireguard is not None:
            changed = replace(changed, wireguard=self._wireguard(device.wireguard))
        if self.master:
            master = ns.device_by_name.get(self.master)
            if master is None:
                return None
            if master.index != device.master:
                changed = replace(changed, master=master.index, port=BridgePort())
        mended = replace(ns, devices={**ns.devices, device.index: changed})
        return bring_up(mended, changed) if self.up and not device.up else mended

    def _bare(self, ns: NetworkNamespace, device: Device) -> list[str]:
        """Where a program is wanted and none is, as far as programs could be read."""
        if "tc_filters" in ns.gaps or "bpf" in ns.gaps:
            return []
        return [place for place in self.programs if not any(f"{place} " in text for text in device.programs)]

    def _made(self, ns: NetworkNamespace) -> Device | None:
        """A tunnel needs nothing but its settings; others cannot be made without their other end."""
        index = max(ns.devices, default=0) + 1
        device = Device(index=index, name=self.name, kind=self.kind, flags=NEW_DEVICE)
        if self.kind == "vxlan" and self.vni is not None:
            return replace(device, vxlan=Vxlan(vni=self.vni))
        if self.kind == "ipip":
            from kubectl_skoop.netstack.devices.tunnel_types import IpTunnel

            tunnel = IpTunnel(protocol=Protocol.IPIP, local=self.local)
            return replace(device, flags=NEW_TUNNEL, tunnel=tunnel)
        return None

    def _mtu(self, device: Device) -> int:
        if self.mtu is not None:
            return self.mtu
        mtu = device.mtu if self.max_mtu is None else min(device.mtu, self.max_mtu)
        return mtu if self.min_mtu is None else max(mtu, self.min_mtu)

    def _flags(self, device: Device) -> int:
        if self.arp is None:
            return device.flags
        return device.flags & ~IFF_NOARP if self.arp else device.flags | IFF_NOARP

    def _vxlan(self, found: Vxlan) -> Vxlan:
        return found._replace(
            vni=found.vni if self.vni is None else self.vni,
            port=found.port if self.port is None else self.port,
            local=self.local or found.local,
        )

    def _wireguard(self, found: "Wireguard") -> "Wireguard":
        port = found.port if self.port is None else self.port
        return found._replace(port=port, key=self.digest or found.key)

    def _wrong_link(self, ns: NetworkNamespace, device: Device) -> "Iterator[_Aspect]":
        change = f"ip link set {self.name}"
        if self.kind and device.kind != self.kind:
            yield _Aspect(f"is no {self.kind}", device.kind or "physical", "")
        if self.up and not device.up:
            yield _Aspect("is down", "down", f"{change} up")
        elif self.carrier and not device.carrier:
            yield _Aspect("has no carrier", "no-carrier", "")
        if self.up is False and device.up:
            yield _Aspect("is up", "up", f"{change} down")
        if self.mtu is not None and device.mtu != self.mtu:
            yield _Aspect(
                f"has MTU {device.mtu}, not {self.mtu}", f"mtu {device.mtu}", f"{change} mtu {self.mtu}"
            )
        if self.max_mtu is not None and device.mtu > self.max_mtu:
            problem = f"has MTU {device.mtu}, more than {self.max_mtu}"
            yield _Aspect(problem, f"mtu {device.mtu}", f"{change} mtu {self.max_mtu}")
        if self.min_mtu is not None and device.mtu < self.min_mtu:
            problem = f"has MTU {device.mtu}, less than {self.min_mtu}"
            yield _Aspect(problem, f"mtu {device.mtu}", f"{change} mtu {self.min_mtu}")
        if self.arp is not None and device.arp != self.arp:
            word = "off" if self.arp else "on"
            yield _Aspect(f"has ARP {word}", f"arp {word}", f"{change} arp {'on' if self.arp else 'off'}")
        if self.mac and device.mac != self.mac:
            problem = f"has the MAC {device.mac}, not {self.mac}"
            yield _Aspect(problem, f"address {device.mac}", f"{change} address {self.mac}")
        if self.master:
            master = ns.device_name(device.master) if device.master else ""
            if master != self.master:
                problem = f"belongs to {master or 'no bridge'}, not to {self.master}"
                has = f"master {master}" if master else "without master"
                yield _Aspect(problem, has, f"{change} master {self.master}")

    def _wrong_tunnel(self, device: Device) -> "Iterator[_Aspect]":
        settings: list[tuple[str, str, object, object]] = []
        if device.vxlan is not None:
            settings.append(("id", "VNI", self.vni, device.vxlan.vni))
            settings.append(("dstport", "UDP port", self.port, device.vxlan.port))
        if (config := device.wireguard) is not None:
            settings.append(("listening port", "UDP port", self.port, config.port))
            if config.keys_known and self.digest:
                settings.append(("key digest", "public key's digest", self.digest, config.key or "none"))
        if tunnel := device.vxlan or device.tunnel:
            settings.append(("local", "local address", self.local, tunnel.local))
        for word, name, wanted, has in settings:
            if wanted is not None and wanted != has:
                yield _Aspect(f"has the {name} {has}, not {wanted}", f"{word} {has}", "")


class _Aspect(NamedTuple):
    """One setting that is not as wanted."""

    problem: str
    has: str
    command: str


def with_default_settings(sysctls: Sysctls, name: str) -> Sysctls:
    """A new device begins with the settings of `default` (inetdev_init)."""
    own = f"net.ipv4.conf.{device_key(name)}."
    new = {
        own + key.removeprefix(DEFAULTS): value
        for key, value in sysctls.values.items()
        if key.startswith(DEFAULTS)
    }
    return Sysctls({**sysctls.values, **new})
