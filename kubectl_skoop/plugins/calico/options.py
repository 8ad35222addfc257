"""Calico's options."""

from dataclasses import dataclass

from kubectl_skoop.api import OptionError, option


@dataclass(frozen=True, slots=True)
class CalicoOptions:
    """`--calico-…`"""

    interface_prefix: str = option(
        "", "beginning of the pods' device names on the nodes; empty: FelixConfiguration's, else cali"
    )
    host_interface: str = option("", "device towards the other nodes; empty: the one with the node's address")
    pod_mtu: int = option(0, "largest MTU of pods, bytes; 0: what the device towards other nodes carries")

    def validate(self) -> None:
        if len(self.interface_prefix) > 4:
            raise OptionError("--calico-interface-prefix: 4 characters at most")
        if self.pod_mtu and not 68 <= self.pod_mtu <= 65535:
            raise OptionError("--calico-pod-mtu: 68 to 65535")
