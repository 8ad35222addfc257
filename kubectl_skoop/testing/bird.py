"""Nodes of Calico whose routes to other nodes' blocks a real BIRD writes (Debian's bird2), over real BGP.

The configuration says what confd's templates say for BIRD 1 (confd/etc/calico/confd/templates): blocks are
static routes to nowhere, each session exports them, and reflectors pass on what they were told.
"""

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from kubectl_skoop.testing import calico
from kubectl_skoop.testing.cluster_lab import ClusterLab
from kubectl_skoop.testing.netns import LabError
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.topology import LabNode, standard

AS = 64512
PATIENCE, PAUSE = 60.0, 0.1
"""Seconds to wait for all routes, and between looks."""
REFLECTOR_LABEL = "route-reflector"


def program() -> str | None:
    """Where BIRD is."""
    return shutil.which("bird", path="/usr/sbin:/usr/bin")


class BirdLab(ClusterLab):
    """`reflector`: sessions are with n3 alone, a route reflector; else of each with each.

    `silent`: nodes whose BIRD does not run. `peered`: whether the BGPPeer for the reflector is there.
    """

    def __init__(self, *, reflector: bool, silent: Iterable[str] = (), peered: bool = True) -> None:
        super().__init__("calico", topology=standard(3))
        self.reflector, self.silent, self.peered = reflector, frozenset(silent), peered
        self._folder = Path(tempfile.mkdtemp(prefix=self.prefix))
        self._daemons: list[subprocess.Popen[str]] = []

    def close(self) -> None:
        for daemon in self._daemons:
            daemon.kill()
            daemon.communicate()
        self._daemons.clear()
        shutil.rmtree(self._folder, ignore_errors=True)
        super().close()

    def cni_links(self, node: LabNode) -> list[str]:
        namespace_of = {pod.key: self.namespaces[pod.name].name for pod in self.topology.pods}
        return calico.workload_links(self.topology, node, namespace_of)

    def finish_nodes(self) -> None:
        super().finish_nodes()
        for node in self.topology.nodes:
            if node.name not in self.silent:
                self._start(node)
        self._converge()

    def objects(self) -> list[Object]:
        objects = super().objects()
        if not self.reflector:
            return objects
        for item in objects:
            if item["kind"] == "Node" and item["metadata"]["name"] == "n3":
                item["metadata"]["annotations"]["projectcalico.org/RouteReflectorClusterID"] = "244.0.0.1"
                item["metadata"]["labels"][REFLECTOR_LABEL] = "true"
        group = "crd.projectcalico.org/v1"
        configuration: Object = {
            "apiVersion": group,
            "kind": "BGPConfiguration",
            "metadata": {"name": "default"},
            "spec": {"nodeToNodeMeshEnabled": False, "asNumber": AS},
        }
        peer: Object = {
            "apiVersion": group,
            "kind": "BGPPeer",
            "metadata": {"name": "to-reflectors"},
            "spec": {"nodeSelector": "all()", "peerSelector": f"has({REFLECTOR_LABEL})"},
        }
        return [*objects, configuration, *([peer] if self.peered else [])]

    def _start(self, node: LabNode) -> None:
        own = self._folder / node.name
        own.mkdir()
        (own / "bird.conf").write_text("\n".join(self._configuration(node)) + "\n")
        command = (str(program()), "-f", "-c", f"{own}/bird.conf", "-s", f"{own}/control", "-P", f"{own}/pid")
        self._daemons.append(self.namespaces[node.name].start(*command))

    def _configuration(self, node: LabNode) -> Iterable[str]:
        yield f"router id {node.address};"
        yield "protocol device { scan time 1; }"
        yield 'protocol direct { ipv4; interface -"cali*", "*"; }'
        yield "protocol kernel { learn; persist; scan time 1; merge paths on;"
        yield "  ipv4 { export where source != RTS_DEVICE; }; }"
        yield f"protocol static {{ ipv4; route {node.block} blackhole; }}"
        for peer in self.topology.nodes:
            if peer == node or not self._session(node, peer):
                continue
            yield f"protocol bgp to_{peer.name} {{"
            yield f"  local {node.address} as {AS}; neighbor {peer.address} as {AS};"
            yield "  connect delay time 1; connect retry time 1; error wait time 1, 2; graceful restart on;"
            yield "  ipv4 { import all; export where net ~ [ 10.244.0.0/16+ ]"
            yield f"         && ! (net ~ [ {node.block}{{27,32}} ]); }};"
            yield "  rr client;" if self._reflects(node) else ""
            yield "}"

    def _session(self, node: LabNode, peer: LabNode) -> bool:
        if not self.reflector:
            return True
        return self.peered and (self._reflects(node) or self._reflects(peer))

    def _reflects(self, node: LabNode) -> bool:
        return self.reflector and node.name == "n3"

    def _converge(self) -> None:
        """Raises: LabError."""
        speaking = [node for node in self.topology.nodes if node.name not in self.silent]
        wanted = {
            node.name: {str(peer.block) for peer in speaking if peer == node or self._hears(node, peer)}
            for node in speaking
        }
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            missing = {name: blocks - self._written(name) for name, blocks in wanted.items()}
            if not any(missing.values()):
                return
            time.sleep(PAUSE)
        raise LabError(f"BIRD has not written all routes: {missing}")

    def _hears(self, node: LabNode, peer: LabNode) -> bool:
        if not self.reflector:
            return True
        return self.peered and "n3" not in self.silent

    def _written(self, name: str) -> set[str]:
        text = self.namespaces[name].run("ip", "-json", "route", "show", "proto", "bird")
        return {str(entry["dst"]) for entry in json.loads(text)}
