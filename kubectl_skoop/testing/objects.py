"""The Kubernetes objects of a lab, as `kubectl get -o json` prints them: what a diagnosis reads, no more."""

import json
from collections.abc import Iterator
from typing import Any

from kubectl_skoop.testing.topology import (
    CLUSTER_CIDR,
    FLANNEL_BACKENDS,
    VNI,
    LabNode,
    LabPod,
    LabService,
    Mode,
    Topology,
)

Object = dict[str, Any]


def cluster_objects(mode: Mode, topology: Topology) -> list[Object]:
    nodes = [_node(mode, node) for node in topology.nodes]
    pods = [_pod(pod) for pod in topology.pods]
    services = [one for service in topology.services for one in (_service(service), _slice(service))]
    match mode:
        case "calico" | "calico-vxlan" | "calico-ipip":
            system = _calico(mode, topology)
        case (
            "canal"
            | "flannel-vxlan"
            | "flannel-host-gw"
            | "flannel-alloc"
            | "flannel-ipip"
            | "flannel-udp"
            | "flannel-wireguard"
        ):
            system = _flannel(mode, topology)
        case _:
            system = []
    return [*nodes, *_namespaces(), *pods, *services, _kube_proxy_config(), *system]


def _meta(name: str, namespace: str = "default", **more: object) -> Object:
    return {"name": name, "namespace": namespace, **more}


def _namespaces() -> Iterator[Object]:
    for name in ("default", "kube-system"):
        labels = {"kubernetes.io/metadata.name": name}
        yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def _node(mode: Mode, node: LabNode) -> Object:
    annotations: dict[str, str] = {}
    if mode == "calico":
        annotations = {"projectcalico.org/IPv4Address": f"{node.address}/24"}
    elif mode == "calico-ipip":
        annotations = {
            "projectcalico.org/IPv4Address": f"{node.address}/24",
            "projectcalico.org/IPv4IPIPTunnelAddr": node.tunnel_address,
        }
    elif mode == "calico-vxlan":
        annotations = {
            "projectcalico.org/IPv4Address": f"{node.address}/24",
            "projectcalico.org/IPv4VXLANTunnelAddr": node.tunnel_address,
            "projectcalico.org/VXLANTunnelMACAddr": node.vtep_mac,
        }
    elif mode in FLANNEL_BACKENDS:
        backend = FLANNEL_BACKENDS[mode]
        data: Object | None = {"VNI": VNI, "VtepMAC": node.vtep_mac} if backend == "vxlan" else None
        annotations = {
            "flannel.alpha.coreos.com/backend-data": json.dumps(data, separators=(",", ":")),
            "flannel.alpha.coreos.com/backend-type": "" if backend in ("alloc", "udp") else backend,
            "flannel.alpha.coreos.com/kube-subnet-manager": "true",
            "flannel.alpha.coreos.com/public-ip": node.address,
        }
    labels = {"kubernetes.io/hostname": node.name}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": node.name, "annotations": annotations, "labels": labels},
        "spec": {"podCIDR": str(node.pod_cidr), "podCIDRs": [str(node.pod_cidr)]},
        "status": {
            "addresses": [
                {"type": "InternalIP", "address": node.address},
                {"type": "Hostname", "address": node.name},
            ],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _pod(pod: LabPod) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": _meta(pod.name, pod.namespace, labels={"app": pod.name}),
        "spec": {"nodeName": pod.node.name, "containers": [{"name": "server", "image": "lab"}]},
        "status": {
            "phase": "Running",
            "podIP": pod.address,
            "podIPs": [{"ip": pod.address}],
            "hostIP": pod.node.address,
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def _service(service: LabService) -> Object:
    port: Object = {"protocol": service.protocol.upper(), "port": service.port}
    if service.port_name:
        port["name"] = service.port_name
    if service.backends:
        port["targetPort"] = service.backends[0].port
    if service.node_port:
        port["nodePort"] = service.node_port
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(service.name),
        "spec": {
            "type": "NodePort" if service.node_port else "ClusterIP",
            "clusterIP": service.address,
            "clusterIPs": [service.address],
            "ipFamilies": ["IPv4"],
            "internalTrafficPolicy": "Cluster",
            **({"externalTrafficPolicy": "Cluster"} if service.node_port else {}),
            "ports": [port],
        },
    }


def _slice(service: LabService) -> Object:
    endpoints = [
        {
            "addresses": [backend.address],
            "conditions": {"ready": True, "serving": True, "terminating": False},
            "nodeName": backend.node,
            **(
                {"targetRef": {"kind": "Pod", "namespace": "default", "name": backend.pod}}
                if backend.pod
                else {}
            ),
        }
        for backend in service.backends
    ]
    protocol = service.protocol.upper()
    ports = [
        {"name": service.port_name, "protocol": protocol, "port": one.port} for one in service.backends[:1]
    ]
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": _meta(f"{service.name}-lab00", labels={"kubernetes.io/service-name": service.name}),
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": ports,
    }


def _kube_proxy_config() -> Object:
    config = (
        "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"
        f"mode: iptables\nclusterCIDR: {CLUSTER_CIDR}\n"
    )
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta("kube-proxy", "kube-system"),
        "data": {"config.conf": config},
    }


def daemon_set(name: str, namespace: str, count: int, container: Object) -> Object:
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": _meta(name, namespace, labels={"k8s-app": name}),
        "spec": {
            "selector": {"matchLabels": {"k8s-app": name}},
            "template": {
                "metadata": {"labels": {"k8s-app": name}},
                "spec": {"hostNetwork": True, "containers": [container]},
            },
        },
        "status": {"desiredNumberScheduled": count, "numberReady": count},
    }


def _flannel(mode: Mode, topology: Topology) -> list[Object]:
    backend: Object = {"Type": FLANNEL_BACKENDS[mode]}
    conf_list = {
        "name": "cbr0",
        "cniVersion": "0.3.1",
        "plugins": [
            {"type": "flannel", "delegate": {"hairpinMode": True, "isDefaultGateway": True}},
            {"type": "portmap", "capabilities": {"portMappings": True}},
        ],
    }
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _meta("kube-flannel-cfg", "kube-flannel"),
        "data": {
            "cni-conf.json": json.dumps(conf_list),
            "net-conf.json": json.dumps(
                {"Network": CLUSTER_CIDR, "EnableNFTables": False, "Backend": backend}
            ),
        },
    }
    if mode == "canal":
        config["metadata"] = _meta("canal-config", "kube-system")
        canal: Object = {"name": "kube-flannel", "image": "docker.io/flannel/flannel:v0.24.4"}
        return [daemon_set("canal", "kube-system", len(topology.nodes), canal), config]
    container = {"name": "kube-flannel", "image": "ghcr.io/flannel-io/flannel:v0.27.4", "args": ["--ip-masq"]}
    return [daemon_set("kube-flannel-ds", "kube-flannel", len(topology.nodes), container), config]


def _calico(mode: Mode, topology: Topology) -> list[Object]:
    pool = {
        "apiVersion": "crd.projectcalico.org/v1",
        "kind": "IPPool",
        "metadata": {"name": "default-ipv4-ippool"},
        "spec": {
            "cidr": CLUSTER_CIDR,
            "blockSize": 26,
            "ipipMode": "Always" if mode == "calico-ipip" else "Never",
            "vxlanMode": "Always" if mode == "calico-vxlan" else "Never",
            "natOutgoing": True,
            "nodeSelector": "all()",
        },
    }
    environment = [
        {"name": "CALICO_NETWORKING_BACKEND", "value": "bird"},
        {"name": "CALICO_IPV4POOL_CIDR", "value": CLUSTER_CIDR},
        {"name": "FELIX_DEFAULTENDPOINTTOHOSTACTION", "value": "ACCEPT"},
    ]
    container = {"name": "calico-node", "image": "docker.io/calico/node:v3.30.3", "env": environment}
    return [daemon_set("calico-node", "kube-system", len(topology.nodes), container), pool]
