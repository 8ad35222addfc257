"""Settings of tunnels in IPv4 packets, and of geneve."""

from typing import TYPE_CHECKING, NamedTuple

from kubectl_skoop.model.packet import Address

if TYPE_CHECKING:
    from kubectl_skoop.netstack.devices.fou_types import UdpEncap


class IpTunnel(NamedTuple):
    """IFLA_IPTUN_*, IFLA_GRE_*: tunnels in IPv4 packets (ipip, sit, gre, gretap)."""

    protocol: int
    """Of the outer packets: 4, 41 or 47; 0: what the inner packet asks for."""
    local: Address | None = None
    remote: Address | None = None
    link: int = 0
    """Index of the underlying device, 0: by the route."""
    ttl: int = 0
    """0: that of the inner packet."""
    tos: int = 0
    """1: that of the inner packet."""
    pmtudisc: bool = True
    ignore_df: bool = False
    mark: int = 0
    input_key: int | None = None
    output_key: int | None = None
    checksum: tuple[bool, bool] = (False, False)
    """Of GRE: whether a checksum is wanted in what comes in, and made for what goes out."""
    sequence: tuple[bool, bool] = (False, False)
    """The same for sequence numbers."""
    external: bool = False
    """Routes, or programs, say where to."""
    encap: "UdpEncap | None" = None
    """Its packets are put into UDP packets."""
    unmodelled: str = ""
    """What of its settings is not modelled, as text."""


class Geneve(NamedTuple):
    """IFLA_GENEVE_*"""

    vni: int
    port: int = 6081
    """UDP, host order."""
    remote: Address | None = None
    ttl: int = 0
    """0: the default, 64."""
    tos: int = 0
    """1: that of the inner packet."""
    df: int = 0
    """0 unset, 1 set, 2 inherit."""
    external: bool = False
    """Routes, or programs, say where to and with which VNI."""
    unmodelled: str = ""
    """What of its settings is not modelled, as text."""
