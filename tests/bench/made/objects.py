"""The objects of the made-up cluster."""

from collections.abc import Callable, Iterator, Mapping

from kubectl_skoop.cluster.raw import Object
from tests.bench.made.topology import CLUSTER_CIDR, PORT, Size

_FLANNEL = "flannel.alpha.coreos.com"


def _object(
    api: str, kind: str, namespace: str, name: str, labels: Mapping[str, str], **fields: object
) -> Object:
    metadata = {"name": name, "labels": labels} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **fields}


def _nodes(size: Size) -> Iterator[Object]:
    for node in size.all_nodes:
        cidr = f"{node.prefix}.0/24"
        annotations = {
            f"{_FLANNEL}/backend-data": f'{{"VNI":1,"VtepMAC":"{node.vtep_mac}"}}',
            f"{_FLANNEL}/backend-type": "vxlan",
            f"{_FLANNEL}/kube-subnet-manager": "true",
            f"{_FLANNEL}/public-ip": node.address,
        }
        addresses = [
            {"type": "InternalIP", "address": node.address},
            {"type": "Hostname", "address": node.name},
        ]
        labels = {"kubernetes.io/hostname": node.name}
        yield {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": node.name, "labels": labels, "annotations": annotations},
            "spec": {"podCIDR": cidr, "podCIDRs": [cidr]},
            "status": {"addresses": addresses, "conditions": [{"type": "Ready", "status": "True"}]},
        }


def _namespaces(size: Size) -> Iterator[Object]:
    for number in range(size.namespaces):
        name = size.namespace(number)
        yield _object("v1", "Namespace", "", name, {"kubernetes.io/metadata.name": name})


def _policies(size: Size) -> Iterator[Object]:
    """Each namespace keeps to itself, but for its web servers."""
    for number in range(size.namespaces):
        inside: dict[str, object] = {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}}]}]}
        web: dict[str, object] = {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}]}
        for name, spec in (("inside", inside), ("web", web)):
            namespace = size.namespace(number)
            yield _object("networking.k8s.io/v1", "NetworkPolicy", namespace, name, {}, spec=spec)


def _pods(size: Size) -> Iterator[Object]:
    for number in size.by_namespace(size.pods):
        pod = size.pod(number)
        yield _object(
            "v1",
            "Pod",
            pod.namespace,
            pod.name,
            {"app": _app(pod.name)},
            spec={
                "nodeName": pod.node.name,
                "containers": [{"name": "server", "image": "app", "ports": [{"containerPort": PORT}]}],
            },
            status={
                "phase": "Running",
                "podIP": pod.address,
                "podIPs": [{"ip": pod.address}],
                "hostIP": pod.node.address,
                "conditions": [{"type": "Ready", "status": "True"}],
            },
        )


def _services(size: Size) -> Iterator[Object]:
    for number in size.by_namespace(size.services):
        service = size.service(number)
        spec = {
            "type": "ClusterIP",
            "clusterIP": service.address,
            "clusterIPs": [service.address],
            "ipFamilies": ["IPv4"],
            "internalTrafficPolicy": "Cluster",
            "ports": [{"port": service.port, "protocol": "TCP", "targetPort": PORT}],
        }
        yield _object(
            "v1", "Service", service.namespace, service.name, {"app": _app(service.name)}, spec=spec
        )


def _endpoints(size: Size) -> Iterator[Object]:
    for number in size.by_namespace(size.services):
        service = size.service(number)
        endpoints = [
            {
                "addresses": [backend.address],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "nodeName": backend.node,
                "targetRef": {
                    "kind": "Pod",
                    "namespace": service.namespace,
                    "name": backend.pod.partition("/")[2],
                },
            }
            for backend in service.backends
        ]
        yield _object(
            "discovery.k8s.io/v1",
            "EndpointSlice",
            service.namespace,
            f"{service.name}-{number:05d}",
            {"kubernetes.io/service-name": service.name},
            addressType="IPv4",
            endpoints=endpoints,
            ports=[{"name": "", "protocol": "TCP", "port": PORT}],
        )


def _app(name: str) -> str:
    return name.partition("-")[0]


def flannel(recorded: Object) -> Object:
    """Its ConfigMap, with the network of the made-up cluster."""
    data = recorded["data"]
    assert isinstance(data, Mapping)
    network = f'{{"Network": "{CLUSTER_CIDR}", "EnableNFTables": false, "Backend": {{"Type": "vxlan"}}}}'
    return {**recorded, "data": {**data, "net-conf.json": network}}


KINDS: Mapping[str, Callable[[Size], Iterator[Object]]] = {
    "EndpointSlice": _endpoints,
    "Namespace": _namespaces,
    "NetworkPolicy": _policies,
    "Node": _nodes,
    "Pod": _pods,
    "Service": _services,
}
