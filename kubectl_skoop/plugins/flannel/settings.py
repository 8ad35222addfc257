"""What flanneld was told, and what each node's tells the others: options, ConfigMap, annotations."""

import json
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, ip_address
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

BackendType = Literal["", "vxlan", "host-gw", "alloc"]


@dataclass(frozen=True, slots=True)
class FlannelOptions:
    """`--flannel-…`"""

    backend_type: BackendType = option("", "backend of the nodes that do not say it; empty: detect")
    host_interface: str = option("", "device towards the other nodes; empty: the one with the node's address")
    bridge: str = option("cni0", "bridge of the pods")
    pod_mtu: int = option(0, "largest MTU of pods, bytes; 0: what the device towards other nodes carries")

    def validate(self) -> None:
        if self.pod_mtu and not 68 <= self.pod_mtu <= 65535:
            raise OptionError("--flannel-pod-mtu: 68 to 65535")


class NetConf(NamedTuple):
    """`net-conf.json` as flanneld reads it (pkg/subnet/config.go)."""

    network: IPv4Network | None
    """Of all pods."""
    backend: BackendType
    vni: int
    port: int
    mtu: int
    """Of the underlay, bytes; 0: as its device says."""
    direct_routing: bool

    @property
    def device(self) -> str:
        return f"flannel.{self.vni}"


def net_conf(ctx: Context, config: FlannelOptions) -> NetConf:
    found = (ctx.cluster.config_map(namespace, name) for namespace, name in CONFIG_MAPS)
    told = _json(next((data.get("net-conf.json", "") for data in found if data is not None), ""))
    backend = raw.mapping(told, "Backend")
    return NetConf(
        network=_network(raw.text(told, "Network")),
        backend=config.backend_type or _backend_type(raw.text(backend, "Type")),
        vni=raw.number(backend, "VNI") or DEFAULT_VNI,
        port=raw.number(backend, "Port") or DEFAULT_PORT,
        mtu=raw.number(backend, "MTU"),
        direct_routing=raw.flag(backend, "DirectRouting"),
    )


def _backend_type(text: str) -> BackendType:
    match text.lower():
        case "vxlan" | "host-gw" | "alloc" as known:
            return known
        case _:
            return ""


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def pod_network(node: NodeInfo | None) -> IPv4Network | None:
    networks = (_network(cidr) for cidr in (node.pod_cidrs if node is not None else ()))
    return next((network for network in networks if network is not None), None)


def _network(text: str) -> IPv4Network | None:
    """None: another family, or no network."""
    try:
        return IPv4Network(text)
    except ValueError:
        return None


def public_ip_of(node: NodeInfo) -> IPv4Address | None:
    try:
        address = ip_address(node.annotations.get(PUBLIC_IP, ""))
    except ValueError:
        return None
    return address if isinstance(address, IPv4Address) else None


def vtep_mac(node: NodeInfo) -> str:
    """Empty: not told."""
    return raw.text(_json(node.annotations.get(BACKEND_DATA, "")), "VtepMAC")
