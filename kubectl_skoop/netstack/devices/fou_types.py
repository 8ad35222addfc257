"""Tunnels in UDP packets (include/uapi/linux/if_tunnel.h, fou.h)."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Address, InUdp

UDP_HEADER, GUE_HEADER = 8, 4
"""Bytes."""


class UdpEncap(NamedTuple):
    """IFLA_IPTUN_ENCAP_*, IFLA_GRE_ENCAP_*: how a tunnel's packets are put into UDP packets."""

    gue: bool
    sport: int = 0
    """0: by the flow's hash."""
    dport: int = 0

    @property
    def length(self) -> int:
        """ip_encap_hlen, bytes."""
        return UDP_HEADER + GUE_HEADER * self.gue


class FouPort(NamedTuple):
    """FOU_ATTR_*: a socket of the kernel that takes tunnels' packets out of UDP packets."""

    port: int
    family: int
    """4 or 6."""
    gue: bool = False
    protocol: int = 0
    """Of what is inside, without GUE, which says it itself."""
    local: Address | None = None
    peer: Address | None = None
    peer_port: int = 0
    device: int = 0
    """Index of the device that packets must come by, as the other three if they are set."""

    def takes(self, carried: InUdp) -> bool:
        """Whether what is in the UDP packet is what the socket reads."""
        return carried.gue == self.gue and (self.gue or carried.protocol == self.protocol)

    def __str__(self) -> str:
        """As `ip fou show` prints it."""
        return f"port {self.port} " + ("gue" if self.gue else f"ipproto {self.protocol}")
