"""FelixConfiguration: `default`, and over it that of one node.

The environment of calico-node stands above both, and is in no snapshot: it may say otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kubectl_skoop.api import Context, raw
from kubectl_skoop.plugins.calico.kept import FELIX_CONFIGURATION


@dataclass(frozen=True, slots=True, kw_only=True)
class Felix:
    """Its settings on one node, as far as they change what it leaves (felix/config/config_params.go)."""

    vni: int = 4096
    port: int = 4789
    """UDP, of the vxlan device."""
    prefix: str = "cali"
    """Beginning of the names of pods' devices."""
    insert_mode: str = "Insert"
    """Whether its rules stand in front of the others' (`Insert`) or behind (`Append`)."""
    bpf: bool = False
    bpf_data_pattern: str = ""
    """Of the devices that its programs are on beside the pods'; empty: as usual."""
    wireguard: frozenset[int] = frozenset()
    """IP versions that are encrypted between nodes."""
    wireguard_priority: int = 99
    """Of the policy rule that leads to the table of WireGuard."""
    wireguard_names: tuple[str, str] = ("", "")
    """Of the devices for IPv4 and IPv6; empty: as usual."""
    wireguard_ports: tuple[int, int] = (51820, 51821)


def configurations(ctx: Context) -> Mapping[str, object]:
    """By name."""
    return {raw.text(item, "metadata", "name"): item for item in ctx.cluster.objects(FELIX_CONFIGURATION)}


def felix_of(named: Mapping[str, object], node: str) -> Felix:
    """Settings of the node; `node` may be empty for those of all nodes."""
    layers = [named[name] for name in ("default", f"node.{node}") if name in named]
    usual = Felix()
    versions = {4: _flag(layers, "wireguardEnabled"), 6: _flag(layers, "wireguardEnabledV6")}
    return Felix(
        vni=_number(layers, "vxlanVNI", usual.vni),
        port=_number(layers, "vxlanPort", usual.port),
        prefix=_text(layers, "interfacePrefix", usual.prefix).partition(",")[0],
        insert_mode=_text(layers, "chainInsertMode", usual.insert_mode),
        bpf=_flag(layers, "bpfEnabled"),
        bpf_data_pattern=_text(layers, "bpfDataIfacePattern", ""),
        wireguard=frozenset(version for version, on in versions.items() if on),
        wireguard_priority=_number(layers, "wireguardRoutingRulePriority", usual.wireguard_priority),
        wireguard_names=(
            _text(layers, "wireguardInterfaceName", ""),
            _text(layers, "wireguardInterfaceNameV6", ""),
        ),
        wireguard_ports=(
            _number(layers, "wireguardListeningPort", usual.wireguard_ports[0]),
            _number(layers, "wireguardListeningPortV6", usual.wireguard_ports[1]),
        ),
    )


def _text(layers: Sequence[object], key: str, usual: str) -> str:
    return next((text for item in reversed(layers) if (text := raw.text(item, "spec", key))), usual)


def _number(layers: Sequence[object], key: str, usual: int) -> int:
    return next((found for item in reversed(layers) if (found := raw.number(item, "spec", key))), usual)


def _flag(layers: Sequence[object], key: str) -> bool:
    said = (raw.dig(item, "spec", key) for item in reversed(layers))
    return next((value for value in said if isinstance(value, bool)), False)
