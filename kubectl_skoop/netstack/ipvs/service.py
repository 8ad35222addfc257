"""IPVS: virtual services and their real servers (IPVS_CMD_GET_SERVICE, IPVS_CMD_GET_DEST)."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

from kubectl_skoop.model.packet import Address, Protocol

Method = Literal["masquerade", "local", "tunnel", "route", "bypass"]
"""How packets reach the real server (IP_VS_CONN_F_FWD_MASK); `masquerade` is NAT, `route` is DR."""

PERSISTENT, ONE_PACKET = 0x1, 0x4
SCHED_FIRST, SCHED_SECOND = 0x8, 0x10
"""IP_VS_SVC_F_*. The scheduler's own flags: sh-fallback and sh-port for `sh`."""

_PROTOCOLS: dict[int, str] = {Protocol.TCP: "TCP", Protocol.UDP: "UDP", Protocol.SCTP: "SCTP"}


@dataclass(frozen=True, slots=True, kw_only=True)
class RealServer:
    address: Address
    port: int
    """0: the port that was asked."""
    method: Method = "masquerade"
    weight: int = 1
    """0: takes no new connection (quiesced)."""
    upper_threshold: int = 0
    """Connections from which on it counts as overloaded; 0: never."""
    active: int = 0
    inactive: int = 0
    """Connections when the snapshot was taken."""

    @property
    def usable(self) -> bool:
        """New connections may go there (ip_vs_dest_update_overload, is_overloaded)."""
        full = self.upper_threshold and self.active + self.inactive >= self.upper_threshold
        return self.weight > 0 and not full

    def __str__(self) -> str:
        return _end(self.address, self.port)


@dataclass(frozen=True, kw_only=True)
class VirtualService:
    """By protocol, address and port; or by `fwmark`, then the three are not looked at."""

    family: int = 4
    protocol: int = 0
    address: Address | None = None
    port: int = 0
    """0: every port that no other service has; only a persistent service may."""
    fwmark: int = 0
    scheduler: str = "rr"
    """As ipvsadm names it; `none`: without."""
    flags: int = 0
    timeout: int = 0
    """Seconds that a client stays with its server, if the service is persistent."""
    servers: tuple[RealServer, ...] = ()
    """In the kernel's order: the newest first."""

    @cached_property
    def usable(self) -> Sequence[RealServer]:
        return [server for server in self.servers if server.usable]

    @cached_property
    def equal_shares(self) -> Sequence[tuple[Fraction, RealServer]]:
        """Of the usable servers; kept, since each branch of a flow draws from them."""
        return [(Fraction(1, len(self.usable)), server) for server in self.usable]

    @cached_property
    def weighted_shares(self) -> Sequence[tuple[Fraction, RealServer]]:
        total = sum(server.weight for server in self.usable)
        return [(Fraction(server.weight, total), server) for server in self.usable]

    @property
    def persistent(self) -> bool:
        return bool(self.flags & PERSISTENT)

    @property
    def one_packet(self) -> bool:
        return bool(self.flags & ONE_PACKET) and self.protocol == Protocol.UDP

    def __str__(self) -> str:
        """As `ipvsadm -Ln` names it."""
        if self.address is None:
            return f"FWM {self.fwmark}"
        return f"{_PROTOCOLS.get(self.protocol, self.protocol)} {_end(self.address, self.port)}"


def find_service(
    services: tuple[VirtualService, ...], family: int, protocol: int, address: Address, port: int, mark: int
) -> VirtualService | None:
    """ip_vs_service_find: by mark, by address and port, by address with any port."""
    own = [service for service in services if service.family == family]
    for service in own if mark else ():
        if service.fwmark == mark:
            return service
    for wanted in (port, 0):
        for service in own:
            if (service.protocol, service.address, service.port) == (protocol, address, wanted):
                return service
    return None


def _end(address: Address, port: int) -> str:
    return f"[{address}]:{port}" if address.version == 6 else f"{address}:{port}"
