"""What is broken on nodes of Calico in eBPF mode, and what the plugin must say."""

from collections.abc import Mapping

from tests.kernel.plugins.calico_bpf_lab import INSIDE, OUTSIDE
from tests.kernel.plugins.programmed import Fault

FAULTS: Mapping[str, Fault] = {
    "no program on a pod's device": Fault(
        detached=("n2", "{dev.b}"),
        code="calico.device.differs",
        place="node/n2",
        text="no program at ingress",
    ),
    "no program on the device towards other nodes": Fault(
        detached=("n1", "eth0"), code="calico.device.differs", place="node/n1", text="no program at ingress"
    ),
    "the check of sources is on for a pod's device": Fault(
        steps=("n2: sysctl net.ipv4.conf.{dev.b}.rp_filter=1",),
        code="calico.sysctl.differs",
        place="node/n2",
        text="rp_filter",
    ),
    "the check of sources is on for all devices": Fault(
        steps=("n1: sysctl net.ipv4.conf.all.rp_filter=1",),
        code="calico.sysctl.differs",
        place="node/n1",
        text="all.rp_filter",
    ),
    "the programs' own device is down": Fault(
        steps=(f"n1: ip link set {OUTSIDE} down",),
        code="calico.device.differs",
        place="node/n1",
        text=f"{OUTSIDE} is down",
    ),
    "the route to the programs' own gateway is gone": Fault(
        steps=(f"n1: ip route del 169.254.1.1 dev {INSIDE}",),
        code="calico.route.missing",
        place="node/n1",
        text="169.254.1.1",
    ),
    "the neighbour of the programs' own gateway is gone": Fault(
        steps=(f"n1: ip neigh del 169.254.1.1 dev {INSIDE}",),
        code="calico.neighbour.missing",
        place="node/n1",
        text="169.254.1.1",
    ),
    "a pod's route is gone": Fault(
        steps=("n2: ip route del {b}",), code="calico.route.missing", place="node/n2", text="10.244.2.2"
    ),
    "a node has no route to the other's block": Fault(
        steps=("n1: ip route del {range.n2}",),
        code="calico.route.missing",
        place="node/n1",
        text="10.244.2.0/26",
    ),
    "a pod has no default route": Fault(
        steps=("a: ip route del default",),
        code="calico.route.missing",
        place="pod/default/a",
        text="the default route",
        verdict="unreachable",
    ),
}
