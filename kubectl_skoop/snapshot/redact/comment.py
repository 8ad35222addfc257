"""Comments of rules: those of kube-proxy, kube-router, Flannel and Calico keep their meaning, others none."""

import re

from kubectl_skoop.snapshot.redact.pseudonyms import Pseudonyms

PHRASES = frozenset(
    {
        # pkg/proxy/iptables, pkg/proxy/ipvs, pkg/kubelet of Kubernetes
        "kubernetes service portals",
        "kubernetes externally-visible service portals",
        "kubernetes health check service ports",
        "kubernetes load balancer firewall",
        "kubernetes forwarding rules",
        "kubernetes forwarding conntrack rule",
        "kubernetes forwarding conntrack pod source rule",
        "kubernetes forwarding conntrack pod destination rule",
        "kubernetes postrouting rules",
        "kubernetes service traffic requiring SNAT",
        "kubernetes service nodeports; NOTE: this must be the last rule in this chain",
        "kubernetes firewall for dropping marked packets",
        "block incoming localnet connections",
        "Kubernetes service cluster ip + port for masquerade purpose",
        "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose",
        "Kubernetes service external ip + port for masquerade and filter purpose",
        "Kubernetes service lb portal",
        "Kubernetes service load balancer ip + port for load balancer with sourceRange",
        "Kubernetes nodeport TCP port for masquerade purpose",
        "Kubernetes nodeport UDP port for masquerade purpose",
        # pkg/proxy/nftables
        "Active ClusterIPs",
        "ClusterIP, ExternalIP and LoadBalancer IP traffic",
        "Drop traffic to unallocated ClusterIPs",
        "IPs that accept NodePort traffic",
        "NodePort traffic",
        "Reject traffic to invalid ports of ClusterIPs",
        "destinations that are subject to LoadBalancerSourceRanges",
        "masquerade",
        "masquerade clusterIP traffic from outside cluster",
        "masquerade local traffic",
        "masquerade hairpin traffic",
        "service hairpin connections",
        "Service IPs and ports with no endpoints",
        # flanneld, Felix, Docker
        "flanneld forward",
        "flanneld masq",
        "Policy explicitly accepted packet.",
        "Configured DefaultEndpointToHostAction",
        "Return if profile accepted",
        "Return if policy accepted",
        "Drop if no profiles matched",
        "Drop if no policies passed packet",
        "Drop VXLAN encapped packets originating in workloads",
        "Drop IPinIP encapped packets originating in workloads",
        "Unknown interface",
    }
)
_BEFORE = (
    r"(?:masquerade traffic for |traffic from |pod traffic for |masquerade LOCAL traffic for "
    r"|route LOCAL traffic for )?"
)
_AFTER = (
    r"(?: cluster IP| loadbalancer IP| external IP| external destinations| LB IP| nodeport"
    r"| has no endpoints| has no local endpoints)*"
)
_SERVICE = re.compile(rf"({_BEFORE})([a-z0-9-]+)/([a-z0-9.-]+)(?::([a-z0-9-]*))?({_AFTER})(?: -> (\S+))?")
_RUNS_THROUGH = re.compile(r"(run through nw policy )(\S+)")
_CALICO_HASH = re.compile(r"cali:([\w-]{16})")
_CALICO_OWNER = re.compile(r"(Profile|Policy) (\S+) (ingress|egress)")


def comment(text: str, pseudonyms: Pseudonyms) -> str:
    """Of a service's the pseudonym; of a stranger's only that two are equal."""
    if text in PHRASES:
        return text
    if found := _SERVICE.fullmatch(text):
        before, namespace, name, port, after, endpoint = found.groups()
        told = f"{before}{pseudonyms.name(namespace)}/{pseudonyms.name(name)}"
        told += f":{pseudonyms.name(port)}" if port is not None else ""
        return told + after + (f" -> {pseudonyms.scalar(endpoint)}" if endpoint else "")
    if found := _RUNS_THROUGH.fullmatch(text):
        return found[1] + pseudonyms.name(found[2])
    if found := _CALICO_HASH.fullmatch(text):
        return f"cali:{pseudonyms.names.hashed(found[1], 16)}"
    if found := _CALICO_OWNER.fullmatch(text):
        return f"{found[1]} {pseudonyms.name(found[2])} {found[3]}"
    return pseudonyms.name(text)
