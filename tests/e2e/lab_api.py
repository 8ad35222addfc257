"""An API server alone, for agents that run in the nodes of a lab of `kubectl_skoop.testing`."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from kubectl_skoop.testing import netns
from kubectl_skoop.testing.objects import Object
from kubectl_skoop.testing.topology import UNDERLAY
from tests.e2e import binaries, control_plane, slot, underlay
from tests.e2e.control_plane import ControlPlane
from tests.e2e.errors import ClusterError
from tests.e2e.kubectl import Kubectl
from tests.e2e.slot import Slot

SETTLED_TIMEOUT = 120
UPLINK = "labs"
"""The device of the switch before the API server, behind which a lab is."""


@dataclass(frozen=True, slots=True)
class Api:
    """An API server that labs can reach, one at a time."""

    place: Slot
    plane: ControlPlane
    kubectl: Kubectl
    switch: netns.Namespace

    def has_nodes(self, objects: Iterable[Object]) -> None:
        """Those of the objects and no others, as before an agent has seen them."""
        self.kubectl("delete", "node", "--all")
        nodes = [_bare(item) for item in objects if item["kind"] == "Node"]
        self.kubectl.apply({"apiVersion": "v1", "kind": "List", "items": nodes})

    @contextmanager
    def reached_from(self, lab: netns.Namespace) -> Iterator[None]:
        """The lab's switch is a router of the network before the API server."""
        length, gateway = self.place.network.prefixlen, self.place.network[-3]
        self.switch.run("ip", "link", "add", UPLINK, "type", "veth", "peer", "name", "api", "netns", lab.name)
        self.switch.run("ip", "link", "set", UPLINK, "master", "br0", "up")
        lab.run("ip", "addr", "add", f"{gateway}/{length}", "dev", "api")
        lab.run("ip", "link", "set", "api", "up")
        self.plane.room.run("ip", "route", "replace", f"{UNDERLAY}.0/24", "via", str(gateway))
        try:
            yield
        finally:
            self.switch.run("ip", "link", "del", UPLINK)


@contextmanager
def served() -> Iterator[Api]:
    """Raises: ClusterError."""
    found = binaries.built(programs=("kube-apiserver", "kubectl"))
    with slot.taken() as place:
        switch = underlay.build(place, 0)
        plane = control_plane.start_api_server(place, found, [])
        try:
            yield Api(place, plane, Kubectl(found / "kubectl", plane.kubeconfig()), switch)
        finally:
            plane.room.close()


def settle(who: str, ready: Callable[[], bool]) -> None:
    """Raises: ClusterError."""
    end = time.monotonic() + SETTLED_TIMEOUT
    while not ready():
        if time.monotonic() > end:
            raise ClusterError(f"{who} does not do what was waited for")
        time.sleep(0.1)


def _bare(node: Object) -> Object:
    """Before an agent has seen it."""
    metadata = {key: node["metadata"][key] for key in ("name", "labels")}
    return {**node, "metadata": metadata}
