"""Servers and clients in the cluster, and where they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubectl_skoop.testing.netns import Namespace
from tests.e2e.cluster import Cluster
from tests.e2e.image import write_image

WEB_IMAGE = "skoop.e2e/web:1"
POD_PORT, SERVICE_PORT, HOST_PORT, HOST_NETWORK_PORT = 8080, 80, 9080, 7080
POD_ECHO_PORT, ECHO_PORT = 5353, 53
"""UDP, of pods and of services; `echo` answers there."""
WEB_NODE_PORT, ONE_NODE_PORT = 30080, 30081
API_SERVICE = "10.96.0.1"

_MANIFEST = Path(__file__).with_name("workloads.yaml")
_SERVE = """#!/bin/sh
mkdir -p /tmp/www/cgi-bin
cp /bin/who /tmp/www/cgi-bin/who
exec httpd -f -p "${1:-0.0.0.0:8080}" -h /tmp/www
"""
_LISTEN = """#!/bin/sh
killall -q httpd
for attempt in 1 2 3 4 5 6 7 8 9 10; do
  httpd -p "$1" -h /tmp/www 2>/dev/null && exit 0
  sleep 0.2
done
exit 1
"""
"""Moves a client's server to another address, when the old one has let its port go."""
_WHO = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n%s %s\\n' "$(hostname)" "$REMOTE_ADDR"
"""


@dataclass(frozen=True, slots=True)
class Pod:
    name: str
    node: str
    address: str
    pid: int
    """Of one of its processes, on this machine."""

    @property
    def namespace(self) -> Namespace:
        """Its network namespace, to enter."""
        return Namespace(f"/proc/{self.pid}/ns/net")


@dataclass(frozen=True, slots=True)
class Workloads:
    """The objects of `workloads.yaml`."""

    web: Mapping[str, Pod]
    """One on each node, by the node's name, as the clients are."""
    clients: Mapping[str, Pod]
    one: Pod
    """The only backend of the service `one`; it has a host port, too."""
    host_network: Pod
    services: Mapping[str, str]
    """Their addresses."""


def deployed(cluster: Cluster) -> Workloads:
    """Everything of `workloads.yaml`, ready.

    Raises:
        ClusterError: it does not become ready.
    """
    files = {"bin/serve": _SERVE, "bin/listen": _LISTEN, "bin/who": _WHO}
    cluster.import_image(write_image(cluster.folder / "web.tar", WEB_IMAGE, ("/bin/serve",), files))
    kubectl = cluster.kubectl
    kubectl.apply(_MANIFEST.read_text())
    kubectl("rollout", "status", "deployment/web", "deployment/spare", "daemonset/client", "--timeout=180s")
    kubectl("wait", "--for=condition=Ready", "pod", "--all", "--timeout=180s")
    pods = [_pod(cluster, item) for item in kubectl.get("pods")["items"]]
    services = kubectl.get("services")["items"]
    return Workloads(
        web={pod.node: pod for pod in pods if pod.name.startswith("web-")},
        clients={pod.node: pod for pod in pods if pod.name.startswith("client-")},
        one=next(pod for pod in pods if pod.name == "one"),
        host_network=next(pod for pod in pods if pod.name == "host-network"),
        services={item["metadata"]["name"]: item["spec"]["clusterIP"] for item in services},
    )


def _pod(cluster: Cluster, item: Mapping[str, Any]) -> Pod:
    name, node = item["metadata"]["name"], item["spec"]["nodeName"]
    return Pod(name, node, item["status"]["podIP"], cluster.container_process(item))
