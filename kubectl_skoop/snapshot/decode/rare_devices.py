"""Settings of the kinds of devices that few nodes have."""

from dataclasses import replace

from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.devices.stacked_types import Bond, BondPort, Ipvlan, Macvlan, Netkit
from kubectl_skoop.snapshot.decode.entry import Entry
from kubectl_skoop.snapshot.decode.tunnels import TUNNELS, decode_geneve, decode_tunnel
from kubectl_skoop.snapshot.decode.tunnels6 import TUNNELS6, decode_tunnel6

IPVLAN_F_PRIVATE, IPVLAN_F_VEPA = 1, 2
MACVLAN_FLAG_NODST = 2
_KINDS = frozenset({*TUNNELS, *TUNNELS6, "geneve", "bond", "macvlan", "macvtap", "ipvlan", "netkit"})


def with_settings(device: Device, info: Entry) -> Device:
    """`info`: IFLA_LINKINFO, whose data have any form where the kind is not known. Raises: FormatError."""
    kind = device.kind
    if info.text("slave_kind", "") == "bond":
        device = replace(device, bond_port=_bond_port(info.entry("slave_data")))
    if kind not in _KINDS:
        return device
    data = info.entry("data")
    return replace(
        device,
        tunnel=decode_tunnel(kind, data) if kind in TUNNELS else None,
        tunnel6=decode_tunnel6(kind, data) if kind in TUNNELS6 else None,
        geneve=decode_geneve(data) if kind == "geneve" else None,
        bond=_bond(data) if kind == "bond" else None,
        macvlan=_macvlan(data) if kind in ("macvlan", "macvtap") else None,
        ipvlan=_ipvlan(data) if kind == "ipvlan" else None,
        netkit=_netkit(data) if kind == "netkit" else None,
    )


def _bond(data: Entry) -> Bond:
    return Bond(data.number("mode", 0), data.number("active_slave", 0), data.flag("all_slaves_active"))


def _bond_port(data: Entry) -> BondPort:
    return BondPort(backup=data.flag("state"), up=not data.number("mii_status", 0))


def _netkit(data: Entry) -> Netkit:
    return Netkit(data.number("policy", 0), data.flag("primary"))


def _macvlan(data: Entry) -> Macvlan:
    known = "sources" in data.fields or not data.number("macaddr_count", 0)
    return Macvlan(
        mode=data.number("mode"),
        sources=frozenset(data.entry("sources").texts("macs")) if known else None,
        alone=bool(data.number("flags", 0) & MACVLAN_FLAG_NODST),
    )


def _ipvlan(data: Entry) -> Ipvlan:
    flags = data.number("flags", 0)
    return Ipvlan(data.number("mode"), bool(flags & IPVLAN_F_PRIVATE), bool(flags & IPVLAN_F_VEPA))
