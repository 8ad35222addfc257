"""What flanneld was told, and what each node's tells the others: options, ConfigMap, annotations."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Literal, NamedTuple, TypeGuard, get_args

from kubectl_skoop.api import Address, Context, IpNetwork, NodeInfo, OptionError, option, raw
from kubectl_skoop.plugins import on_bridge

PREFIX = "flannel.alpha.coreos.com/"
BACKEND_TYPE, BACKEND_DATA, PUBLIC_IP = f"{PREFIX}backend-type", f"{PREFIX}backend-data", f"{PREFIX}public-ip"
CONFIG_MAPS = (
    ("kube-flannel", "kube-flannel-cfg"),
    ("kube-system", "kube-flannel-cfg"),
    ("kube-system", "canal-config"),
    ("kube-system", "rke2-canal-config"),
)
DEFAULT_VNI = 1
PORTS = {"vxlan": 8472, "wireguard": 51820, "udp": 8285}
"""UDP, where the configuration names none: the kernel's for vxlan, else flanneld's own."""

OF_BACKENDS: Mapping[str, tuple[str, ...]] = {
    "vni": ("vxlan",),
    "direct_routing": ("vxlan", "ipip"),
    "wireguard_mode": ("wireguard",),
    "port": tuple(PORTS),
}
"""Options that only some backends have."""

BackendType = Literal["", "vxlan", "host-gw", "alloc", "wireguard", "ipip", "udp"]
WireguardMode = Literal["", "separate", "auto", "ipv4", "ipv6"]


class Family(NamedTuple):
    """How flanneld names the things of one IP version."""

    version: Literal[4, 6]
    public_ip: str
    """Annotation: the address that other nodes reach the node by."""
    backend_data: str
    """Annotation: the MAC or the public key of its tunnel device."""


V4 = Family(4, PUBLIC_IP, BACKEND_DATA)
V6 = Family(6, f"{PREFIX}public-ipv6", f"{PREFIX}backend-v6-data")
FAMILIES = (V4, V6)


def family_of(version: int) -> Family:
    return V6 if version == V6.version else V4


@dataclass(eq=False, frozen=True, slots=True)
class FlannelOptions:
    """`--flannel-…`"""

    backend_type: BackendType = option(
        "", "backend of all nodes; empty: what their annotations say, else the ConfigMap"
    )
    host_interface: str = option("", "device towards the other nodes; empty: the one with the node's address")
    bridge: str = option("cni0", "bridge of the pods")
    pod_mtu: int = option(0, "largest MTU of pods, bytes; 0: what the device towards other nodes carries")
    network: str = option("", "networks of all pods, separated by commas; empty: as the ConfigMap says")
    vni: int = option(0, "VNI of the vxlan devices; 0: as the ConfigMap says")
    direct_routing: Literal["", "on", "off"] = option(
        "", "whether nodes of one link do without the tunnel; empty: as the ConfigMap says"
    )
    wireguard_mode: WireguardMode = option("", "devices of wireguard; empty: as the ConfigMap says")
    port: int = option(0, "UDP port of the tunnels; 0: as the ConfigMap says")

    def validate(self) -> None:
        if self.pod_mtu and not 68 <= self.pod_mtu <= 65535:
            raise OptionError("--flannel-pod-mtu: 68 to 65535")
        if not 0 <= self.vni < 1 << 24:
            raise OptionError("--flannel-vni: 0 to 16777215")
        if not 0 <= self.port <= 65535:
            raise OptionError("--flannel-port: 0 to 65535")
        for name, backends in OF_BACKENDS.items():
            if getattr(self, name) and self.backend_type not in ("", *backends):
                raise OptionError(
                    f"--flannel-{name.replace('_', '-')} is for {', '.join(backends)}, "
                    f"which --flannel-backend-type {self.backend_type} contradicts"
                )
        if self.network and len(list(on_bridge.networks(self.network.split(",")))) <= self.network.count(","):
            raise OptionError(f"--flannel-network: {self.network!r} is no list of networks")


class NetConf(NamedTuple):
    """`net-conf.json` as flanneld reads it (pkg/subnet/config.go), where options do not say otherwise."""

    networks: tuple[IpNetwork, ...]
    """Of all pods; empty: not told (k3s has no ConfigMap)."""
    families: tuple[Family, ...] | None
    """IP versions that are on; None: not told."""
    backend: BackendType
    vni: int
    port: int
    """UDP; 0: the backend's own."""
    port6: int
    """UDP of wireguard's device for IPv6; 0: its own."""
    source: str
    """Where this is from."""
    mtu: int
    """Of the underlay, bytes; 0: as its device says."""
    direct_routing: bool
    problem: str
    """Why the ConfigMap cannot be read; empty: it can, or there is none."""
    mode: str
    """wireguard: `separate` devices for the two IP versions, or one for both: `auto`, `ipv4`, `ipv6`."""

    def network(self, family: Family) -> IpNetwork | None:
        return next((each for each in self.networks if each.version == family.version), None)

    def port_of(self, backend: BackendType) -> int:
        """UDP; 0: the backend has none."""
        return (self.port or PORTS[backend]) if backend in PORTS else 0


def net_conf(ctx: Context, options: FlannelOptions) -> NetConf:
    found = ((name, ctx.cluster.config_map(*name)) for name in CONFIG_MAPS)
    name, data = next(((name, data) for name, data in found if data is not None), (None, {}))
    told = _folded(_json(data.get("net-conf.json", "")))
    backend = _folded(told.get("backend"))
    return NetConf(
        networks=tuple(on_bridge.networks(_network_texts(told, options))),
        families=_families(told) if told else None,
        backend=backend_type(raw.text(backend, "type")) if backend or not told else "udp",
        vni=options.vni or raw.number(backend, "vni") or DEFAULT_VNI,
        port=options.port or raw.number(backend, "port") or raw.number(backend, "listenport"),
        port6=raw.number(backend, "listenportv6"),
        source=f"ConfigMap {'/'.join(name)}" if name else "no ConfigMap of flannel: its defaults",
        mtu=raw.number(backend, "mtu"),
        direct_routing=_direct_routing(backend, options),
        problem=_problem(told) if "net-conf.json" in data else "",
        mode=options.wireguard_mode or raw.text(backend, "mode") or "separate",
    )


def _problem(told: Mapping[str, object]) -> str:
    """ParseConfig (pkg/subnet/config.go) fails."""
    if not told:
        return "it is no JSON object"
    texts = [raw.text(told, key) for key in ("network", "ipv6network")]
    return next((f"{text} is no network" for text in texts if text and not [*on_bridge.networks([text])]), "")


def _network_texts(told: Mapping[str, object], options: FlannelOptions) -> Iterable[str]:
    if options.network:
        return options.network.split(",")
    return (raw.text(told, key) for key in ("network", "ipv6network"))


def _direct_routing(backend: Mapping[str, object], options: FlannelOptions) -> bool:
    return options.direct_routing == "on" if options.direct_routing else raw.flag(backend, "directrouting")


def _families(told: Mapping[str, object]) -> tuple[Family, ...]:
    """`EnableIPv4` is on, `EnableIPv6` off where nothing is said."""
    enabled = {V4: told.get("enableipv4", True), V6: told.get("enableipv6", False)}
    return tuple(family for family, on in enabled.items() if on)


def backend_type(text: str) -> BackendType:
    """Empty: none that is known."""
    name = text.lower()
    return name if _is_backend(name) else ""


def _is_backend(name: str) -> TypeGuard[BackendType]:
    return name in get_args(BackendType)


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _folded(told: object) -> Mapping[str, object]:
    """A JSON object by the lower case of its keys: Go's decoder does not mind their case."""
    return {key.lower(): value for key, value in told.items()} if isinstance(told, dict) else {}


def pod_network(node: NodeInfo | None, family: Family = V4) -> IpNetwork | None:
    return on_bridge.pod_network(node, family.version)


def public_ip_of(node: NodeInfo, family: Family = V4) -> Address | None:
    try:
        address = ip_address(node.annotations.get(family.public_ip, ""))
    except ValueError:
        return None
    return address if address.version == family.version else None


def backend_data(node: NodeInfo, family: Family = V4) -> Mapping[str, object]:
    """What the node's tunnel device is known by, by the lower case of its keys; empty: nothing is told."""
    return _folded(_json(node.annotations.get(family.backend_data, "")))
