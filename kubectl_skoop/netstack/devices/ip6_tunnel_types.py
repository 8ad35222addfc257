"""Settings of tunnels in IPv6 packets (include/uapi/linux/if_tunnel.h, ip6_tunnel.h)."""

from typing import NamedTuple

from kubectl_skoop.model.packet import Address


class Ip6Tunnel(NamedTuple):
    """IFLA_IPTUN_*, IFLA_GRE_* of ip6tnl, ip6gre and ip6gretap."""

    protocol: int = 0
    """Of the outer packets: 4, 41 or 47; 0: what the inner packet asks for."""
    local: Address | None = None
    remote: Address | None = None
    link: int = 0
    """Index of the underlying device, 0: by the route."""
    hop_limit: int = 0
    """0: that of the inner packet."""
    traffic_class: int = 0
    inherit_class: bool = False
    """The traffic class of the inner packet."""
    encap_limit: bool = True
    """An option says how often the packet may be put into another one (RFC 2473, 4.1.1)."""
    mark: int = 0
    inherit_mark: bool = False
    """Routed by the mark of the inner packet."""
    local_remote: bool = False
    """The remote address may be one of this namespace."""
    input_key: int | None = None
    output_key: int | None = None
    checksum: tuple[bool, bool] = (False, False)
    """Of GRE: whether a checksum is wanted in what comes in, and made for what goes out."""
    sequence: tuple[bool, bool] = (False, False)
    """The same for sequence numbers."""
    unmodelled: str = ""
    """What of its settings is not modelled, as text."""
