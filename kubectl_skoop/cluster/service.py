"""Services and what is behind them: EndpointSlices, else Endpoints."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from kubectl_skoop.cluster.addresses import parse_address
from kubectl_skoop.cluster.raw import Object, dig, items, labels, mapping, number, text, texts
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
_Port = tuple[int, str, str]
"""Of endpoints: number, name, protocol."""


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
    unreadable: tuple[str, ...] = ()
    """What is written as cluster addresses, and is none."""

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


class EndpointSlice(NamedTuple):
    """A part of a service's endpoints."""

    name: str
    namespace: str
    service: str
    """In the same namespace; empty: none is named."""
    type: str
    """Of its addresses; empty: not told."""
    backends: tuple[Backend, ...] = ()
    foreign: str = ""
    """The first address that is not of the type; empty: all are."""
    left_alone: bool = False
    """By kube-proxy, as `Service.left_alone`."""
    for_proxy: str = ""
    """As `Service.for_proxy`."""


def service_info(item: Object) -> Service:
    metadata, spec = mapping(item, "metadata"), mapping(item, "spec")
    own = labels(metadata, "labels")
    ingress = items(item, "status", "loadBalancer", "ingress")
    affinity = text(spec, "sessionAffinity") or "None"
    written = tuple(dict.fromkeys((text(spec, "clusterIP"), *texts(spec, "clusterIPs"))))
    cluster_addresses = _addresses(written)
    return Service(
        name=text(metadata, "name"),
        namespace=text(metadata, "namespace"),
        type=text(spec, "type") or "ClusterIP",
        cluster_addresses=cluster_addresses,
        external_addresses=_addresses(texts(spec, "externalIPs")),
        load_balancer_addresses=_addresses([text(one, "ip") for one in ingress]),
        load_balancer_proxied=_addresses([text(one, "ip") for one in ingress if _is_proxied(one)]),
        load_balancer_names=tuple([name for one in ingress if (name := text(one, "hostname"))]),
        source_ranges=texts(spec, "loadBalancerSourceRanges"),
        external_name=text(spec, "externalName"),
        ports=tuple([_port(one) for one in items(spec, "ports")]),
        selector=labels(spec, "selector"),
        session_affinity=affinity,
        affinity_seconds=_affinity_seconds(spec) if affinity == "ClientIP" else 0,
        internal_traffic_policy=text(spec, "internalTrafficPolicy") or "Cluster",
        external_traffic_policy=text(spec, "externalTrafficPolicy") or "Cluster",
        health_check_port=number(spec, "healthCheckNodePort"),
        left_alone=not LEFT_ALONE.isdisjoint(own),
        for_proxy=named_proxy(own),
        annotations=labels(metadata, "annotations"),
        unreadable=() if len(cluster_addresses) == len(written) else _unreadable(written),
    )


def named_proxy(own: Mapping[str, str]) -> str:
    """By the labels of a Service or an EndpointSlice."""
    return "" if NO_PROXY in own else own.get(PROXY_NAME, "")


def slice_backends(item: Object) -> Sequence[Backend]:
    return slice_info(item).backends


def slice_info(item: Object) -> EndpointSlice:
    """discovery.k8s.io/v1 EndpointSlice: `ready` and `serving` that are not set count as true.

    Addresses of another family than that of the slice, and those of other types, are no backends.
    """
    metadata, kind = mapping(item, "metadata"), text(item, "addressType")
    own = labels(metadata, "labels")
    versions = (FAMILIES.get(kind),) if kind else (4, 6)
    ports = [_endpoint_port(one) for one in items(item, "ports")]
    backends: list[Backend] = []
    foreign = ""
    for endpoint in items(item, "endpoints"):
        for at, written in enumerate(texts(endpoint, "addresses")):
            address = parse_address(written)
            if address is not None and address.version in versions:
                if at == 0:
                    backends += _slice_backends(endpoint, address, ports)
            elif kind in FAMILIES and not foreign:
                foreign = written
    return EndpointSlice(
        name=text(metadata, "name"),
        namespace=text(metadata, "namespace"),
        service=own.get(SERVICE_NAME, ""),
        type=kind,
        backends=tuple(backends),
        foreign=foreign,
        left_alone=not LEFT_ALONE.isdisjoint(own),
        for_proxy=named_proxy(own),
    )


def _slice_backends(endpoint: object, address: Address, ports: Iterable[_Port]) -> Iterator[Backend]:
    conditions, hints = mapping(endpoint, "conditions"), mapping(endpoint, "hints")
    ready = conditions.get("ready") is not False
    serving = conditions.get("serving")
    pod, node = _pod(mapping(endpoint, "targetRef")), text(endpoint, "nodeName")
    for port, name, protocol in ports:
        yield Backend(
            address=address,
            port=port,
            port_name=name,
            protocol=protocol,
            pod=pod,
            node=node,
            ready=ready,
            serving=serving if isinstance(serving, bool) else ready,
            terminating=conditions.get("terminating") is True,
            zone_hints=_names(hints, "forZones"),
            node_hints=_names(hints, "forNodes"),
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


def _is_proxied(ingress: object) -> bool:
    return text(ingress, "ipMode") == "Proxy"


def _unreadable(written: Iterable[str]) -> tuple[str, ...]:
    return tuple(one for one in written if one not in ("", "None") and parse_address(one) is None)


def _affinity_seconds(spec: object) -> int:
    return number(spec, "sessionAffinityConfig", "clientIP", "timeoutSeconds") or DEFAULT_AFFINITY


def _names(hints: Object, key: str) -> frozenset[str]:
    return frozenset([text(one, "name") for one in items(hints, key)]) if hints else _NO_HINTS


def _endpoint_port(item: object) -> _Port:
    return number(item, "port"), text(item, "name"), text(item, "protocol") or "TCP"


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
    found = [address for one in dict.fromkeys(written) if (address := parse_address(one)) is not None]
    return tuple(found if len(found) < 2 else dict.fromkeys(found))


def _pod(target: object) -> str:
    if text(target, "kind") != "Pod":
        return ""
    return f"{text(target, 'namespace')}/{text(target, 'name')}"
