"""What flanneld was told, and what each node's tells the others: options, ConfigMap, annotations."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal, NamedTuple

from kubectl_skoop.api import Context, NodeInfo, OptionError, option, raw

PREFIX = "flannel.alpha.coreos.com/"
BACKEND_TYPE, BACKEND_DATA, PUBLIC_IP = f"{PREFIX}backend-type", f"{PREFIX}backend-data", f"{PREFIX}public-ip"
CONFIG_MAPS = (
    ("kube-flannel", "kube-flannel-cfg"),
    ("kube-system", "kube-flannel-cfg"),
    ("kube-system", "canal-config"),
    ("kube-system", "rke2-canal-config"),
)
DEFAULT_VNI, DEFAULT_PORT = 1, 8472

BackendType = Literal["", "vxlan", "host-gw", "alloc", "wireguard", "ipip", "udp"]
"""Of the last three only the name is known: their routes and devices are left to the kernel's word."""
Address = IPv4Address | IPv6Address
PodNetwork = IPv4Network | IPv6Network


class Family(NamedTuple):
    """How flanneld names the things of one IP version."""

    version: Literal[4, 6]
    public_ip: str
    """Annotation: the address that other nodes reach the node by."""
    backend_data: str
    """Annotation: the MAC of its tunnel device."""
    device: str
    """The vxlan device, before its VNI."""
    overhead: int
    """Bytes that vxlan adds: inner Ethernet 14, vxlan 8, UDP 8, IPv4 20 or IPv6 40."""


V4 = Family(4, PUBLIC_IP, BACKEND_DATA, "flannel.", 50)
V6 = Family(6, f"{PREFIX}public-ipv6", f"{PREFIX}backend-v6-data", "flannel-v6.", 70)
FAMILIES = (V4, V6)


def family_of(version: int) -> Family:
    return V6 if version == V6.version else V4


@dataclass(frozen=True, slots=True)
class FlannelOptions:
    """`--flannel-…`"""

    backend_type: BackendType = option(
        "", "backend of all nodes; empty: what their annotations say, else the ConfigMap"
    )
    host_interface: str = option("", "device towards the other nodes; empty: the one with the node's address")
    bridge: str = option("cni0", "bridge of the pods")
    pod_mtu: int = option(0, "largest MTU of pods, bytes; 0: what the device towards other nodes carries")

    def validate(self) -> None:
        if self.pod_mtu and not 68 <= self.pod_mtu <= 65535:
            raise OptionError("--flannel-pod-mtu: 68 to 65535")


class NetConf(NamedTuple):
    """`net-conf.json` as flanneld reads it (pkg/subnet/config.go)."""

    networks: tuple[PodNetwork, ...]
    """Of all pods; empty: not told (k3s has no ConfigMap)."""
    backend: BackendType
    vni: int
    port: int
    source: str
    """Where this is from."""
    mtu: int
    """Of the underlay, bytes; 0: as its device says."""
    direct_routing: bool

    def device(self, family: Family = V4) -> str:
        """The vxlan device."""
        return f"{family.device}{self.vni}"


def net_conf(ctx: Context) -> NetConf:
    found = ((name, ctx.cluster.config_map(*name)) for name in CONFIG_MAPS)
    name, data = next(((name, data) for name, data in found if data is not None), (None, {}))
    told = _json(data.get("net-conf.json", ""))
    backend = raw.mapping(told, "Backend")
    return NetConf(
        networks=tuple(_networks(raw.text(told, key) for key in ("Network", "IPv6Network"))),
        backend=backend_type(raw.text(backend, "Type")),
        vni=raw.number(backend, "VNI") or DEFAULT_VNI,
        port=raw.number(backend, "Port") or DEFAULT_PORT,
        source=f"ConfigMap {'/'.join(name)}" if name else "no ConfigMap of flannel: its defaults",
        mtu=raw.number(backend, "MTU"),
        direct_routing=raw.flag(backend, "DirectRouting"),
    )


def backend_type(text: str) -> BackendType:
    match text.lower():
        case "vxlan" | "host-gw" | "alloc" | "wireguard" | "ipip" | "udp" as known:
            return known
        case _:
            return ""


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def pod_network(node: NodeInfo | None, family: Family = V4) -> PodNetwork | None:
    networks = _networks(node.pod_cidrs if node is not None else ())
    return next((network for network in networks if network.version == family.version), None)


def _networks(texts: Iterable[str]) -> Iterator[PodNetwork]:
    """What can be read and has room for a gateway."""
    for text in texts:
        try:
            network = ip_network(text)
        except ValueError:
            continue
        if network.num_addresses > 1:
            yield network


def public_ip_of(node: NodeInfo, family: Family = V4) -> Address | None:
    try:
        address = ip_address(node.annotations.get(family.public_ip, ""))
    except ValueError:
        return None
    return address if address.version == family.version else None


def vtep_mac(node: NodeInfo, family: Family = V4) -> str:
    """Empty: not told."""
    return raw.text(_json(node.annotations.get(family.backend_data, "")), "VtepMAC")
