"""The rules of kube-proxy 1.36 in iptables mode, in its own shape (pkg/proxy/iptables/proxier.go)."""

# Rules stand as iptables-save prints them.
# ruff: noqa: E501

import base64
import hashlib
from collections.abc import Iterable, Iterator

from kubectl_skoop.testing.restore import Ruleset
from kubectl_skoop.testing.topology import CLUSTER_CIDR, LabBackend, LabService

NFACCT_COUNTERS = ("ct_state_invalid_dropped_pkts", "localhost_nps_accepted_pkts")
MASQUERADE_MARK = "0x4000"

_FILTER_CHAINS = (
    "KUBE-EXTERNAL-SERVICES",
    "KUBE-FIREWALL",
    "KUBE-FORWARD",
    "KUBE-KUBELET-CANARY",
    "KUBE-NODEPORTS",
    "KUBE-PROXY-CANARY",
    "KUBE-PROXY-FIREWALL",
    "KUBE-SERVICES",
)
_NAT_CHAINS = (
    "KUBE-KUBELET-CANARY",
    "KUBE-MARK-MASQ",
    "KUBE-NODEPORTS",
    "KUBE-POSTROUTING",
    "KUBE-PROXY-CANARY",
    "KUBE-SERVICES",
)
_FILTER_RULES = """\
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -m nfacct --nfacct-name ct_state_invalid_dropped_pkts -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
"""
_NAT_RULES = """\
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
"""
_LAST_RULE = (
    '-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in '
    'this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS'
)


def chain_name(kind: str, *parts: str) -> str:
    """`KUBE-SVC-` and the like: 16 base32 digits of SHA-256 (portProtoHash, servicePortEndpointChainName)."""
    return f"KUBE-{kind}-" + base64.b32encode(hashlib.sha256("".join(parts).encode()).digest()).decode()[:16]


def service_chain(service: LabService) -> str:
    return chain_name("SVC", service.port_key, service.protocol)


def endpoint_chain(service: LabService, backend: LabBackend) -> str:
    return chain_name("SEP", service.port_key, service.protocol, f"{backend.address}:{backend.port}")


def rules(services: Iterable[LabService]) -> Ruleset:
    """What kube-proxy writes on each node."""
    services = sorted(services, key=lambda service: service.port_key)
    chains = list(_NAT_CHAINS)
    nat = _NAT_RULES.splitlines()
    filtered = _FILTER_RULES.splitlines()
    for service in services:
        if not service.backends:
            filtered.append(_no_endpoints(service))
            continue
        chains += _chains(service)
        nat += _service_rules(service)
    nat.append(_LAST_RULE)
    return Ruleset(
        chains={
            "mangle": ("KUBE-IPTABLES-HINT", "KUBE-KUBELET-CANARY", "KUBE-PROXY-CANARY"),
            "filter": _FILTER_CHAINS,
            "nat": tuple(chains),
        },
        rules={"mangle": (), "filter": tuple(filtered), "nat": tuple(nat)},
    )


def _chains(service: LabService) -> Iterator[str]:
    yield service_chain(service)
    if service.node_port:
        yield chain_name("EXT", service.port_key, service.protocol)
    for backend in service.backends:
        yield endpoint_chain(service, backend)


def _no_endpoints(service: LabService) -> str:
    return (
        f'-A KUBE-SERVICES -d {service.address}/32 -p {service.protocol} -m comment --comment "{service.port_key} '
        f'has no endpoints" -m {service.protocol} --dport {service.port} '
        "-j REJECT --reject-with icmp-port-unreachable"
    )


def _service_rules(service: LabService) -> Iterator[str]:
    key, protocol, chain = service.port_key, service.protocol, service_chain(service)
    comment = f'-m comment --comment "{key} cluster IP" -m {protocol} --dport {service.port}'
    yield f"-A KUBE-SERVICES -d {service.address}/32 -p {protocol} {comment} -j {chain}"
    yield f"-A {chain} ! -s {CLUSTER_CIDR} -d {service.address}/32 -p {protocol} {comment} -j KUBE-MARK-MASQ"
    if service.node_port:
        yield from _node_port_rules(service)
    for position, backend in enumerate(service.backends):
        left = len(service.backends) - position
        target = f"{backend.address}:{backend.port}"
        endpoint = endpoint_chain(service, backend)
        chance = f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else ""
        yield f'-A {chain} -m comment --comment "{key} -> {target}"{chance} -j {endpoint}'
        yield f'-A {endpoint} -s {backend.address}/32 -m comment --comment "{key}" -j KUBE-MARK-MASQ'
        yield (
            f'-A {endpoint} -p {protocol} -m comment --comment "{key}" -m {protocol} '
            f"-j DNAT --to-destination {target}"
        )


def _node_port_rules(service: LabService) -> Iterator[str]:
    key, protocol = service.port_key, service.protocol
    external = chain_name("EXT", key, protocol)
    match = f'-m comment --comment "{key}" -m {protocol} --dport {service.node_port}'
    yield f'-A {external} -m comment --comment "masquerade traffic for {key} external destinations" -j KUBE-MARK-MASQ'
    yield f"-A {external} -j {service_chain(service)}"
    yield (
        f"-A KUBE-NODEPORTS -d 127.0.0.0/8 -p {protocol} {match} "
        f"-m nfacct --nfacct-name localhost_nps_accepted_pkts -j {external}"
    )
    yield f"-A KUBE-NODEPORTS -p {protocol} {match} -j {external}"
