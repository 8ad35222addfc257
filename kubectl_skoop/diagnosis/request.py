"""The question as the user puts it; `diagnosis.resolve` makes a Probe of it."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

ProtocolName = Literal["tcp", "udp", "icmp", "sctp"]


class Request(NamedTuple):
    """One flow, in the user's words."""

    source: str
    """`pod/NAME`, `NAMESPACE/POD`, `node/NAME`, an address …"""
    destination: str
    port: str = ""
    """A number or a service's port name; empty: the only port of the service, none for ICMP."""
    protocol: ProtocolName = "tcp"
    source_port: int = 0
    size: int = 0
    """IP total length in bytes; 0: a SYN, a small datagram, a default echo."""
    df: bool = False
    uid: int = 0
    namespace: str = ""
    """For names that bear none."""


class Options(NamedTuple):
    """What overrides detection. Empty strings: detect."""

    network_plugin: str = ""
    cloud_provider: str = ""
    proxy_mode: str = ""
    cluster_cidr: str = ""
    service_cidr: str = ""
    plugin: Mapping[str, str] = {}
    """Options of plugins and providers by their name on the command line (`flannel-pod-mtu`), as typed."""
