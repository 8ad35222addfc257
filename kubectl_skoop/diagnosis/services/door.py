"""An address and port that a service is reached by, and where its connections are sent."""

from typing import Literal, NamedTuple

from kubectl_skoop.model.packet import Address

DoorKind = Literal["cluster", "external", "balancer", "node-port"]


class Target(NamedTuple):
    """Where one connection is sent."""

    address: Address
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


class Door(NamedTuple):
    """One address and port that a service is reached by."""

    kind: DoorKind
    address: Address
    port: int
    protocol: str
    """`tcp`, `udp`, `sctp`."""

    def __str__(self) -> str:
        if self.kind == "node-port":
            return f"node port {self.port}/{self.protocol}"
        return f"{Target(self.address, self.port)}/{self.protocol}"
