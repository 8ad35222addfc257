"""Calico's options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from kubectl_skoop.api import OptionError, option

DataPlane = Literal["", "iptables", "ebpf"]
InsertMode = Literal["", "insert", "append"]
Mesh = Literal["", "on", "off"]
WireGuard = Literal["", "off", "ipv4", "ipv6", "both"]
ENCRYPTED: Mapping[WireGuard, frozenset[int]] = {
    "off": frozenset(),
    "ipv4": frozenset({4}),
    "ipv6": frozenset({6}),
    "both": frozenset({4, 6}),
}
"""IP versions."""


@dataclass(eq=False, frozen=True, slots=True)
class CalicoOptions:
    """`--calico-…`"""

    interface_prefix: str = option(
        "", "beginning of the pods' device names on the nodes; empty: FelixConfiguration's, else cali"
    )
    host_interface: str = option("", "device towards the other nodes; empty: the one with the node's address")
    pod_mtu: int = option(0, "largest MTU of pods, bytes; 0: what the device towards other nodes carries")

    data_plane: DataPlane = option(
        "", "iptables or ebpf; empty: by FelixConfiguration and the nodes' devices"
    )
    insert_mode: InsertMode = option(
        "", "insert or append: where its rules stand among others'; empty: FelixConfiguration's, else insert"
    )
    bgp_mesh: Mesh = option("", "on or off: sessions between all nodes; empty: BGPConfiguration's, else on")
    wireguard: WireGuard = option("", "off, ipv4, ipv6 or both; empty: FelixConfiguration's, else off")

    def validate(self) -> None:
        if len(self.interface_prefix) > 4:
            raise OptionError("--calico-interface-prefix: 4 characters at most")
        if self.pod_mtu and not 68 <= self.pod_mtu <= 65535:
            raise OptionError("--calico-pod-mtu: 68 to 65535")
