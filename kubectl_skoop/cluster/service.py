"""Services and what is behind them: EndpointSlices, else Endpoints."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.raw import Object, dig, flag, items, labels, number, ref_of, text, texts
from kubectl_skoop.model.packet import Address

SERVICE_NAME = "kubernetes.io/service-name"
"""Label of an EndpointSlice: the service, in the same namespace."""
DEFAULT_AFFINITY = 10_800
"""Seconds (v1.DefaultClientIPServiceAffinitySeconds)."""
FAMILIES: Mapping[str, int] = {"IPv4": 4, "IPv6": 6}
"""Address types of slices that kube-proxy uses, with the version of IP."""
PROXY_NAME, NO_PROXY = "service.kubernetes.io/service-proxy-name", "service.kubernetes.io/headless"
LEFT_ALONE = frozenset({PROXY_NAME, NO_PROXY})
"""Labels of Services and EndpointSlices that kube-proxy does not watch, whatever their values
(cmd/kube-proxy/app/server.go, Run)."""

_NO_HINTS: frozenset[str] = frozenset()


class ServicePort(NamedTuple):
    """One port of a Service."""

    port: int
    name: str = ""
    protocol: str = "TCP"
    target: int | str = 0
    """Number or name of the container's port; 0: the same as `port`."""
    node_port: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A Service with its ports and policies."""

    name: str
    namespace: str
    type: str = "ClusterIP"
    cluster_addresses: tuple[Address, ...] = ()
    """Empty for a headless service."""
    external_addresses: tuple[Address, ...] = ()
    load_balancer_addresses: tuple[Address, ...] = ()
    load_balancer_proxied: tuple[Address, ...] = ()
    """Of these, those whose balancer sends to node ports (ipMode Proxy): nodes have no rules for them."""
    load_balancer_names: tuple[str, ...] = ()
    """Host names, of balancers that have no fixed address."""
    source_ranges: tuple[str, ...] = ()
    """Networks that may use the load balancer's addresses; empty: all."""
    external_name: str = ""
    ports: tuple[ServicePort, ...] = ()
    selector: Mapping[str, str] = field(default_factory=dict)
    session_affinity: str = "None"
    affinity_seconds: int = 0
    """That a client comes back to the same endpoint; 0: without session affinity."""
    internal_traffic_policy: str = "Cluster"
    external_traffic_policy: str = "Cluster"
    health_check_port: int = 0
    """Where nodes tell a load balancer whether they have endpoints; 0: nowhere."""
    left_alone: bool = False
    """By kube-proxy: it has a label of `LEFT_ALONE`."""
    for_proxy: str = ""
    """The proxy that alone serves it, by the label `PROXY_NAME`; empty: none is named, or none is to."""
    annotations: Mapping[str, str] = field(default_factory=dict)
    """Those that a snapshot keeps."""

    @property
    def key(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def headless(self) -> bool:
        return not self.cluster_addresses and self.type != "ExternalName"


class Backend(NamedTuple):
    """One endpoint of one service port."""

    address: Address
    port: int
    port_name: str = ""
    protocol: str = "TCP"
    pod: str = ""
    """`namespace/name`; empty: not a pod."""
    node: str = ""
    ready: bool = True
    serving: bool = True
    terminating: bool = False
    zone_hints: frozenset[str] = frozenset()
    node_hints: frozenset[str] = frozenset()
    """Where it is meant to be used; empty: no hint."""


def service_info(item: Object) -> Service:
    ref = ref_of(item)
    spec = dig(item, "spec")
    ingress = items(item, "status", "loadBalancer", "ingress")
    proxied = (entry for entry in ingress if text(entry, "ipMode") == "Proxy")
    return Service(
        name=ref.name,
        namespace=ref.namespace,
        type=text(spec, "type") or "ClusterIP",
        cluster_addresses=_addresses((text(spec, "clusterIP"), *texts(spec, "clusterIPs"))),
        external_addresses=_addresses(texts(spec, "externalIPs")),
        load_balancer_addresses=_addresses(text(entry, "ip") for entry in ingress),
        load_balancer_proxied=_addresses(text(entry, "ip") for entry in proxied),
        load_balancer_names=tuple(name for entry in ingress if (name := text(entry, "hostname"))),
        source_ranges=texts(spec, "loadBalancerSourceRanges"),
        external_name=text(spec, "externalName"),
        ports=tuple(_port(entry) for entry in items(spec, "ports")),
        selector=labels(spec, "selector"),
        session_affinity=text(spec, "sessionAffinity") or "None",
        affinity_seconds=_affinity_seconds(spec),
        internal_traffic_policy=text(spec, "internalTrafficPolicy") or "Cluster",
        external_traffic_policy=text(spec, "externalTrafficPolicy") or "Cluster",
        health_check_port=number(spec, "healthCheckNodePort"),
        left_alone=not LEFT_ALONE.isdisjoint(labels(item, "metadata", "labels")),
        for_proxy=named_proxy(labels(item, "metadata", "labels")),
        annotations=labels(item, "metadata", "annotations"),
    )


def named_proxy(own: Mapping[str, str]) -> str:
    """By the labels of a Service or an EndpointSlice."""
    return "" if NO_PROXY in own else own.get(PROXY_NAME, "")


def slice_backends(item: Object) -> Iterator[Backend]:
    """discovery.k8s.io/v1 EndpointSlice: `ready` and `serving` that are not set count as true.

    Addresses of another family than that of the slice, and those of other types, are left out.
    """
    kind = text(item, "addressType")
    versions = (FAMILIES.get(kind),) if kind else (4, 6)
    for endpoint in items(item, "endpoints"):
        conditions = dig(endpoint, "conditions")
        ready = dig(conditions, "ready") is not False
        serving = dig(conditions, "serving")
        hints = dig(endpoint, "hints")
        zones = _names(items(hints, "forZones")) if hints is not None else _NO_HINTS
        nodes = _names(items(hints, "forNodes")) if hints is not None else _NO_HINTS
        for address in _addresses(texts(endpoint, "addresses")[:1]):
            if address.version not in versions:
                continue
            for port in items(item, "ports"):
                yield Backend(
                    address=address,
                    port=number(port, "port"),
                    port_name=text(port, "name"),
                    protocol=text(port, "protocol") or "TCP",
                    pod=_pod(dig(endpoint, "targetRef")),
                    node=text(endpoint, "nodeName"),
                    ready=ready,
                    serving=serving if isinstance(serving, bool) else ready,
                    terminating=flag(conditions, "terminating"),
                    zone_hints=zones,
                    node_hints=nodes,
                )


def endpoints_backends(item: Object) -> Iterator[Backend]:
    """The older Endpoints (core/v1)."""
    for subset in items(item, "subsets"):
        for key, ready in (("addresses", True), ("notReadyAddresses", False)):
            for entry in items(subset, key):
                for address in _addresses((text(entry, "ip"),)):
                    for port in items(subset, "ports"):
                        yield Backend(
                            address=address,
                            port=number(port, "port"),
                            port_name=text(port, "name"),
                            protocol=text(port, "protocol") or "TCP",
                            pod=_pod(dig(entry, "targetRef")),
                            node=text(entry, "nodeName"),
                            ready=ready,
                            serving=ready,
                        )


def usable(backends: Iterable[Backend]) -> tuple[Backend, ...]:
    """Those that kube-proxy sends new connections to: the ready ones; if there are none, those that still
    serve while they terminate (pkg/proxy/topology.go, CategorizeEndpoints)."""
    known = tuple(backends)
    ready = tuple(backend for backend in known if backend.ready)
    return ready or tuple(backend for backend in known if backend.serving and backend.terminating)


def _affinity_seconds(spec: object) -> int:
    if text(spec, "sessionAffinity") != "ClientIP":
        return 0
    return number(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds") or DEFAULT_AFFINITY


def _names(listed: Iterable[object]) -> frozenset[str]:
    return frozenset(text(one, "name") for one in listed)


def _port(item: object) -> ServicePort:
    target = dig(item, "targetPort")
    return ServicePort(
        port=number(item, "port"),
        name=text(item, "name"),
        protocol=text(item, "protocol") or "TCP",
        target=target if isinstance(target, int | str) else 0,
        node_port=number(item, "nodePort"),
    )


def _addresses(written: Iterable[str]) -> tuple[Address, ...]:
    parsed = (parse_address(entry) for entry in written)
    return tuple(dict.fromkeys(address for address in parsed if address is not None))


def _pod(target: object) -> str:
    if text(target, "kind") != "Pod":
        return ""
    return f"{text(target, 'namespace')}/{text(target, 'name')}"
