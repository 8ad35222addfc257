"""Writes the table of docs/plugins.md: each mode with its lab, and how many of its faults the plugin names.

`python -m tests.kernel.plugins.matrix` prints it; `pytest tests/kernel/plugins --update` writes it.
The figures are those of `faults.yaml`, each row of which is a test in each of its modes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kubectl_skoop.testing.faults import Fault, load
from kubectl_skoop.testing.topology import ALL_MODES, GUEST_MODES, OWN_NIC_MODES, VPC_MODES, Mode
from tests.kernel import test_dual_stack
from tests.kernel.plugins import (
    calico_subnet_faults,
    cilium_faults,
    flannel_direct_faults,
    flannel_udp_faults,
    flannel_wireguard_faults,
)
from tests.kernel.plugins.cilium_lab import Routing

PAGE = Path(__file__).parents[3] / "docs/plugins.md"
BEGIN, END = "<!-- matrix -->", "<!-- end of matrix -->"
FAULTS = load(Path(__file__).parent)


class Row(NamedTuple):
    plugin: str
    mode: str
    lab: str
    """How the lab is made."""


ROWS: dict[Mode, Row] = {
    "flannel-vxlan": Row("flannel", "vxlan (k3s's too)", "by hand"),
    "flannel-host-gw": Row("flannel", "host-gw", "by hand"),
    "flannel-alloc": Row("flannel", "alloc, the ranges routed by a router", "by hand"),
    "flannel-ipip": Row("flannel", "ipip", "by hand, in a guest kernel"),
    "calico": Row("calico", "BGP, no encapsulation", "by hand"),
    "calico-vxlan": Row("calico", "VXLAN", "by hand"),
    "canal": Row("canal", "flannel's vxlan", "by hand"),
    "bridge": Row("bridge", "bridge, host-local", "the real CNI plugins"),
    "ptp": Row("bridge", "ptp, host-local", "the real CNI plugins"),
    "kindnet": Row("kindnet", "", "the real ptp; kindnetd's part by hand"),
    "kube-router": Row("kube-router", "one subnet", "the real bridge; kube-router's part by hand"),
    "aws-vpc-cni": Row("aws-vpc-cni", "two interfaces a node", "by hand"),
    "aws-custom-network": Row("aws-vpc-cni", "custom networking (ENIConfig)", "by hand"),
    "aws-prefixes": Row("aws-vpc-cni", "prefix delegation", "by hand"),
    "terway-eniip": Row("terway", "ENIIP, veth with policy routes", "by hand"),
    "terway-vpc": Row("terway", "VPC routes", "by hand"),
    "terway-eni": Row("terway", "ENI: an interface a pod", "by hand"),
}


SUBNETS = {True: "VXLAN, CrossSubnet: two subnets", False: "BGP, a router between two subnets"}
CILIUM: dict[Routing, str] = {"native": "native routing", "tunnel": "tunnel (vxlan)"}
"""Its programs decide, so a lab of its own (`test_cilium.py`)."""


def named(fault: Fault) -> bool:
    """By the plugin itself: its code begins with the plugin's name."""
    return bool(fault.codes) and all(code.startswith("*.") for code in fault.codes)


def table() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "| plugin | mode | lab | healthy | faults named by the plugin / tried |"
    yield "| --- | --- | --- | --- | --- |"
    for mode in (*ALL_MODES, *GUEST_MODES, *VPC_MODES, *OWN_NIC_MODES):
        row, tried = ROWS[mode], [fault for fault in FAULTS if mode in fault.modes]
        count = f"{sum(map(named, tried))} / {len(tried)}"
        yield f"| {row.plugin} | {row.mode} | {row.lab} | silent | {count} |"
    for overlay in test_dual_stack.KINDS.values():
        of_kind = [one for one in test_dual_stack.FAULTS.values() if one.overlay in (None, overlay)]
        count = f"{sum(one.code.startswith('flannel.') for one in of_kind)} / {len(of_kind)}"
        backend = "vxlan" if overlay else "host-gw"
        yield f"| flannel | {backend}, IPv6 beside IPv4 | by hand | silent | {count} |"
    known = len(flannel_udp_faults.FAULTS)
    yield f"| flannel | udp | by hand; verdicts unknown | silent | {known} / {known} |"
    known = len(flannel_wireguard_faults.FAULTS)
    yield f"| flannel | wireguard | by hand, in an emulated machine | silent | {known} / {known} |"
    for kind, faults in flannel_direct_faults.FAULTS.items():
        backend, _, where = kind.removeprefix("flannel ").partition(", ")
        made = "by hand, in a guest kernel" if kind in flannel_direct_faults.IN_GUEST else "by hand"
        known = len(faults)
        yield f"| flannel | {backend}, DirectRouting: {where} | {made} | silent | {known} / {known} |"
    for tunnel, name in SUBNETS.items():
        known = len(calico_subnet_faults.FAULTS[tunnel])
        yield f"| calico | {name} | by hand | silent | {known} / {known} |"
    for routing, name in CILIUM.items():
        known = cilium_faults.tried(routing)
        count = f"{known} / {known}"
        yield f"| cilium | {name} | by hand; verdicts unknown | silent | {count} |"


def with_table(page: str) -> str:
    """The page with the table of today."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    print(table(), end="")
