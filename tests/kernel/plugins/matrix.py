"""Writes the table of docs/plugins.md: each mode with its lab, and how many of its faults the plugin names.

`python -m tests.kernel.plugins.matrix` prints it; `pytest tests/kernel/plugins --update` writes it.
The figures are those of `faults.yaml`, each row of which is a test in each of its modes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from kubectl_skoop.testing.calico_subnets import Tunnel
from kubectl_skoop.testing.faults import Fault, load
from kubectl_skoop.testing.topology import ALL_MODES, VPC_MODES, Mode
from tests.kernel.plugins import calico_subnet_faults, cilium_faults
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
    "calico": Row("calico", "BGP, no encapsulation", "by hand"),
    "calico-vxlan": Row("calico", "VXLAN", "by hand"),
    "canal": Row("canal", "flannel's vxlan", "by hand"),
    "bridge": Row("bridge", "bridge, host-local", "the real CNI plugins"),
    "ptp": Row("bridge", "ptp, host-local", "the real CNI plugins"),
    "kindnet": Row("kindnet", "", "the real ptp; kindnetd's part by hand"),
    "kube-router": Row("kube-router", "one subnet", "the real bridge; kube-router's part by hand"),
    "aws-vpc-cni": Row("aws-vpc-cni", "two interfaces a node", "by hand"),
    "terway-eniip": Row("terway", "ENIIP, veth with policy routes", "by hand"),
    "terway-vpc": Row("terway", "VPC routes", "by hand"),
}


SUBNETS: dict[Tunnel, str] = {
    "vxlan": "VXLAN, CrossSubnet: two subnets",
    "": "BGP, a router between two subnets",
}
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
    for mode in (*ALL_MODES, *VPC_MODES):
        row, tried = ROWS[mode], [fault for fault in FAULTS if mode in fault.modes]
        count = f"{sum(map(named, tried))} / {len(tried)}"
        yield f"| {row.plugin} | {row.mode} | {row.lab} | silent | {count} |"
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
