"""What is broken with security groups for pods of the AWS VPC CNI, in both modes of enforcing."""

from collections.abc import Mapping

from kubectl_skoop.testing.aws_branch import BranchLab, StandardLab, StrictLab
from kubectl_skoop.testing.faults import Fault

A_TO_B, B_TO_A = "pod/default/a to pod/default/b:8080", "pod/default/b to pod/default/a"
BY_NODE = "node/n1 to pod/default/a:8080"
LABS: Mapping[str, type[BranchLab]] = {"strict": StrictLab, "standard": StandardLab}


def _fault(name: str, cause: str, text: str, *steps: str, node: str = "n2", only: str = A_TO_B) -> Fault:
    return Fault(
        id=name,
        steps=tuple(f"{node}: {step}" for step in steps),
        codes=(cause,),
        places=(f"node/{node}",),
        texts=(text,),
        only=(only,),
    )


_BOTH = (
    _fault("the VLAN is down", "*.device.differs", "vlan.eth.5 is down", "ip link set vlan.eth.5 down"),
    _fault(
        "the VLAN is gone",
        *("external.no-interface", "02:00:00:00:02:02", "ip link del vlan.eth.5"),
    ),
    _fault(
        "no default route by the VLAN",
        *("*.route.missing", "table 105", "ip route del default table 105"),
    ),
    _fault(
        "the VLAN's device does not forward",
        *("*.sysctl.differs", "forwarding", "sysctl net.ipv4.conf.vlan/eth/5.forwarding=0"),
    ),
    _fault(
        "the VLAN has another MAC than the branch interface",
        *("*.device.differs", "02:00:00:00:02:02", "ip link set vlan.eth.5 address 02:00:00:00:02:99"),
    ),
    _fault("the trunk is down", "*.device.differs", "eth1 is down", "ip link set eth1 down"),
    _fault(
        "the pod's veth is down",
        *("*.device.differs", "is down", "ip link set {dev.b} down"),
    ),
)
_STRICT = (
    _fault(
        "what comes by the VLAN is not led to its table",
        *("*.rule.missing", "iif vlan.eth.5 lookup 105", "ip rule del iif vlan.eth.5 priority 10"),
    ),
    _fault(
        "what the pod sends is not led to its table",
        *("*.rule.missing", "lookup 105", "ip rule del iif {dev.b} priority 10"),
    ),
    _fault(
        "no route to the pod in its table",
        *("*.route.missing", "{b}", "ip route del {b} table 105"),
    ),
    _fault(
        "probes of the node itself meet early demultiplexing",
        *("*.sysctl.differs", "tcp_early_demux", "sysctl net.ipv4.tcp_early_demux=1"),
        node="n1",
        only=BY_NODE,
    ),
)
_STANDARD = (
    _fault("no route to the pod", "*.route.missing", "{b}", "ip route del {b}"),
    _fault(
        "what the pod sends is not led to its table",
        *("*.rule.missing", "from {b} lookup 105", "ip rule del from {b} priority 1536"),
    ),
)
FAULTS: Mapping[str, tuple[Fault, ...]] = {"strict": (*_BOTH, *_STRICT), "standard": (*_BOTH, *_STANDARD)}
