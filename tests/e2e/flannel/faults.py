"""What goes wrong around a real flanneld, and what must be said of it."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from kubectl_skoop.testing.topology import Mode
from tests.e2e.flannel.lab import FlannelLab

VXLAN, HOST_GW = {"Type": "vxlan"}, {"Type": "host-gw"}
OTHER_MAC = "0e:00:00:00:00:77"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    do: Callable[[FlannelLab], None]
    code: str
    place: str
    text: str
    breaks: bool
    """Packets from pod a to pod b are lost."""
    mode: Mode = "flannel-vxlan"
    backend: Mapping[str, object]


def _route_gone(lab: FlannelLab) -> None:
    lab.daemons["n1"].stop()
    lab.namespace("n1").run("ip", "route", "del", "10.244.2.0/24")


def _route_elsewhere(lab: FlannelLab) -> None:
    lab.daemons["n1"].stop()
    lab.namespace("n1").run("ip", "route", "replace", "10.244.2.0/24", "via", "10.0.0.99")


def _other_mac(lab: FlannelLab) -> None:
    """Somebody has restored an old Node object."""
    lab.annotate("n2", "backend-data", json.dumps({"VNI": 1, "VtepMAC": OTHER_MAC}))
    lab.settle(lambda: OTHER_MAC in lab.namespace("n1").run("ip", "neigh", "show", "dev", "flannel.1"))


def _other_address(lab: FlannelLab) -> None:
    lab.annotate("n2", "public-ip", "10.0.0.99")
    lab.settle(lambda: "10.0.0.99" in lab.namespace("n1").run("bridge", "fdb", "show", "dev", "flannel.1"))


def _other_backend(lab: FlannelLab) -> None:
    """The ConfigMap has changed, and only one node's flanneld was started anew."""
    daemon = lab.daemons["n2"]
    daemon.stop()
    daemon.start({**lab.net_conf, "Backend": HOST_GW})


def _stopped_before_a_node_came(lab: FlannelLab) -> None:
    """flanneld of n1 does not run when n2 comes with another MAC, as after its replacement."""
    lab.daemons["n1"].stop()
    lab.daemons["n2"].stop()
    lab.namespace("n2").run("ip", "link", "del", "flannel.1")
    lab.annotate("n2", "backend-data", None)
    lab.daemons["n2"].start(lab.net_conf)
    lab.settle(lambda: "10.244.1.0/24" in lab.namespace("n2").run("ip", "route"))


FAULTS = {
    "flanneld has stopped, and a route was removed": Fault(
        do=_route_gone,
        code="flannel.route.missing",
        place="node/n1",
        text="10.244.2.0/24",
        breaks=True,
        backend=VXLAN,
    ),
    "a node has no public-ip any more": Fault(
        do=lambda lab: lab.annotate("n2", "public-ip", None),
        code="flannel.annotation.missing",
        place="node/n2",
        text="flannel.alpha.coreos.com/public-ip",
        breaks=False,
        backend=VXLAN,
    ),
    "the annotation of a node has another MAC": Fault(
        do=_other_mac,
        code="flannel.device.differs",
        place="node/n2",
        text=OTHER_MAC,
        breaks=True,
        backend=VXLAN,
    ),
    "the annotation of a node has another address": Fault(
        do=_other_address,
        code="flannel.public-ip.foreign",
        place="node/n2",
        text="10.0.0.99",
        breaks=True,
        backend=VXLAN,
    ),
    "flanneld of one node has read another backend": Fault(
        do=_other_backend,
        code="flannel.backend.differs",
        place="node/n1",
        text="host-gw",
        breaks=False,
        backend=VXLAN,
    ),
    "flanneld did not run when another node was replaced": Fault(
        do=_stopped_before_a_node_came,
        code="flannel.neighbour.differs",
        place="node/n1",
        text="10.244.2.0",
        breaks=True,
        backend=VXLAN,
    ),
    "flanneld has stopped, and a route leads to an address that nobody has": Fault(
        do=_route_elsewhere,
        code="flannel.route.differs",
        place="node/n1",
        text="10.0.0.99",
        breaks=True,
        mode="flannel-host-gw",
        backend=HOST_GW,
    ),
}
