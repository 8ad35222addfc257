"""Servers and clients in the cluster, and their places."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubectl_skoop.testing.netns import Namespace
from tests.e2e.cluster import Cluster
from tests.e2e.image import write_image

WEB_IMAGE = "skoop.e2e/web:1"
POD_PORT, SERVICE_PORT, NODE_PORT, HOST_PORT, HOST_NETWORK_PORT = 8080, 80, 30080, 9080, 7080
SERVICE = "10.96.0.10"
API_SERVICE = "10.96.0.1"

_MANIFEST = Path(__file__).with_name("workloads.yaml")
_SERVE = """#!/bin/sh
mkdir -p /tmp/www/cgi-bin
cp /bin/who /tmp/www/cgi-bin/who
exec httpd -f -p "${1:-0.0.0.0:8080}" -h /tmp/www
"""
_WHO = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n%s %s\\n' "$(hostname)" "$REMOTE_ADDR"
"""


@dataclass(frozen=True, slots=True)
class Pod:
    name: str
    node: str
    address: str
    uid: str
    namespace: Namespace
    """Its network namespace, to enter."""


@dataclass(frozen=True, slots=True)
class Workloads:
    web: Mapping[str, Pod]
    """One on each node, by the node's name, as the clients are."""
    clients: Mapping[str, Pod]
    host_port: Pod
    host_network: Pod


def deployed(cluster: Cluster) -> Workloads:
    """Everything of `workloads.yaml`, ready.

    Raises:
        ClusterError: it does not become ready.
    """
    files = {"bin/serve": _SERVE, "bin/who": _WHO}
    cluster.import_image(write_image(cluster.folder / "web.tar", WEB_IMAGE, ("/bin/serve",), files))
    kubectl = cluster.kubectl
    kubectl.apply(_MANIFEST.read_text())
    kubectl("rollout", "status", "deployment/web", "daemonset/client", "--timeout=60s")
    kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=60s")
    pods = [_pod(cluster, item) for item in kubectl.get("pods")["items"]]
    return Workloads(
        web={pod.node: pod for pod in pods if pod.name.startswith("web-")},
        clients={pod.node: pod for pod in pods if pod.name.startswith("client-")},
        host_port=next(pod for pod in pods if pod.name == "host-port"),
        host_network=next(pod for pod in pods if pod.name == "host-network"),
    )


def _pod(cluster: Cluster, item: Mapping[str, Any]) -> Pod:
    metadata = item["metadata"]
    node, uid = item["spec"]["nodeName"], metadata["uid"]
    namespace = cluster.pod_namespace(node, uid)
    return Pod(metadata["name"], node, item["status"]["podIP"], uid, namespace)
