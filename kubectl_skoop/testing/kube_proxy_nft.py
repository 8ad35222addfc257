"""A cluster whose kube-proxy is in nftables mode, in the shape of 1.36 (pkg/proxy/nftables/proxier.go)."""

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping

from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import CLUSTER_CIDR, LabNode, LabService

SERVICE_CIDR = "10.96.0.0/16"
_BASE_CHAINS: tuple[tuple[str, str, str, int, tuple[str, ...]], ...] = (
    ("filter-prerouting-pre-dnat", "filter", "prerouting", -110, ("ct state new jump firewall-check",)),
    ("filter-output-pre-dnat", "filter", "output", -110, ("ct state new jump firewall-check",)),
    (
        "filter-input",
        "filter",
        "input",
        0,
        ("ct state new jump nodeport-endpoints-check", "ct state new jump service-endpoints-check"),
    ),
    (
        "filter-forward",
        "filter",
        "forward",
        0,
        ("ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check"),
    ),
    (
        "filter-output",
        "filter",
        "output",
        0,
        ("ct state new jump service-endpoints-check", "ct state new jump cluster-ips-check"),
    ),
    ("nat-prerouting", "nat", "prerouting", -100, ("jump services",)),
    ("nat-output", "nat", "output", -100, ("jump services",)),
    ("nat-postrouting", "nat", "postrouting", 100, ("jump masquerading",)),
)
_CHAINS: Mapping[str, tuple[str, ...]] = {
    "reject-chain": ("reject",),
    "nodeport-endpoints-check": (
        "ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports",
    ),
    "service-endpoints-check": ("ip daddr . meta l4proto . th dport vmap @no-endpoint-services",),
    "firewall-check": ("ip daddr . meta l4proto . th dport vmap @firewall-ips",),
    "services": (
        f"ip daddr @cluster-ips ip saddr != {CLUSTER_CIDR} meta mark set meta mark | 0x4000",
        "ip daddr . meta l4proto . th dport vmap @service-ips",
        "ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports",
    ),
    "masquerading": (
        "meta mark & 0x4000 != 0 meta mark set meta mark ^ 0x4000 masquerade fully-random",
        "ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections "
        "masquerade fully-random",
    ),
    "cluster-ips-check": ("ip daddr @cluster-ips reject", f"ip daddr {SERVICE_CIDR} drop"),
}
_BY_ADDRESS = "type ipv4_addr . inet_proto . inet_service : verdict"
_BY_PORT = "type inet_proto . inet_service : verdict"


class NftablesProxyLab(ClusterLab):
    def objects(self) -> list[Object]:
        objects = super().objects()
        for item in objects:
            if item["kind"] == "ConfigMap" and item["metadata"]["name"] == "kube-proxy":
                item["data"]["config.conf"] = item["data"]["config.conf"].replace("iptables", "nftables")
        return objects

    def proxy_rules(self) -> Ruleset:
        return Ruleset({}, {})

    def finish_nodes(self) -> None:
        super().finish_nodes()
        for node in self.topology.nodes:
            self.namespaces[node.name].run("nft", "-f", "-", text=table(node, self.topology.services))


def table(node: LabNode, services: Iterable[LabService]) -> str:
    """Input for `nft -f`."""
    return "table ip kube-proxy {\n" + "\n".join(_lines(node, tuple(services))) + "\n}\n"


def _lines(node: LabNode, services: tuple[LabService, ...]) -> Iterator[str]:
    served = [service for service in services if service.backends]
    for name, type_, hook, priority, rules in _BASE_CHAINS:
        yield from _chain(name, f"type {type_} hook {hook} priority {priority}; policy accept;", *rules)
    for name, rules in _CHAINS.items():
        yield from _chain(name, *rules)
    for service in served:
        backends = ", ".join(
            f"{number} : {backend.address} . {backend.port}"
            for number, backend in enumerate(service.backends)
        )
        lot = f"numgen random mod {len(service.backends)} map {{ {backends} }}"
        yield from _chain(
            _chain_name("service", service), f"meta l4proto {service.protocol} dnat ip to {lot}"
        )
        if service.node_port:
            target = f"goto {_chain_name('service', service)}"
            yield from _chain(_chain_name("external", service), "meta mark set meta mark | 0x4000", target)
    yield from _set("set cluster-ips", "type ipv4_addr", {service.address for service in services})
    yield from _set("set nodeport-ips", "type ipv4_addr", [node.address])
    yield from _set(
        "set hairpin-connections",
        "type ipv4_addr . ipv4_addr . inet_proto . inet_service",
        {
            f"{backend.address} . {backend.address} . {service.protocol} . {backend.port}"
            for service in served
            for backend in service.backends
            if backend.node == node.name
        },
    )
    yield from _set(
        "map service-ips",
        _BY_ADDRESS,
        [f"{_front(service)} : goto {_chain_name('service', service)}" for service in served],
    )
    yield from _set(
        "map no-endpoint-services",
        _BY_ADDRESS,
        [f"{_front(service)} : goto reject-chain" for service in services if not service.backends],
    )
    yield from _set(
        "map service-nodeports",
        _BY_PORT,
        [
            f"{service.protocol} . {service.node_port} : goto {_chain_name('external', service)}"
            for service in served
            if service.node_port
        ],
    )
    yield from _set("map no-endpoint-nodeports", _BY_PORT, [])
    yield from _set("map firewall-ips", _BY_ADDRESS, [])


def _front(service: LabService) -> str:
    return f"{service.address} . {service.protocol} . {service.port}"


def _chain(name: str, *lines: str) -> Iterator[str]:
    yield f"chain {name} {{"
    yield from lines
    yield "}"


def _set(name: str, type_: str, elements: Iterable[str]) -> Iterator[str]:
    inside = ", ".join(sorted(elements))
    yield f"{name} {{"
    yield type_
    if inside:
        yield f"elements = {{ {inside} }}"
    yield "}"


def _chain_name(kind: str, service: LabService) -> str:
    """`service-PFISGYVC-default/web/tcp/`: 8 base32 digits of SHA-256 (servicePortChainNameBase)."""
    name, _, port = service.port_key.partition(":")
    called = f"{name}/{service.protocol}/{port}"
    return f"{kind}-{base64.b32encode(hashlib.sha256(called.encode()).digest()).decode()[:8]}-{called}"
