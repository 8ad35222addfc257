"""Writes the table of docs/plugins.md: each mode with its lab, and how many of its faults the plugin names.

`python -m tests.kernel.plugins.matrix` prints it; `pytest tests/kernel/plugins --update` writes it.
The figures are those of `faults.yaml`, each row of which is a test in each of its modes, and of tables of
single modes.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from kubectl_skoop.testing.faults import Fault, load
from kubectl_skoop.testing.topology import ALL_MODES, GUEST_MODES, OWN_NIC_MODES, VPC_MODES, Mode
from tests.kernel import test_dual_stack
from tests.kernel.plugins import (
    aws_branch_faults,
    calico_bird_faults,
    calico_bpf_faults,
    calico_ipip_faults,
    calico_ipv6_faults,
    calico_subnet_faults,
    calico_wireguard_faults,
    cilium_faults,
    flannel_direct_faults,
    flannel_udp_faults,
    flannel_wireguard_faults,
    terway_apart_faults,
)

PAGE = Path(__file__).parents[3] / "docs/plugins.md"
BEGIN, END = "<!-- matrix -->", "<!-- end of matrix -->"
FAULTS = load(Path(__file__).parent)


class OneCode(Protocol):
    @property
    def code(self) -> str: ...


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


HAND, GUEST = "by hand", "by hand; in a guest kernel"
EMULATED = "by hand; in an emulated machine"
TERWAY = {
    "ipvlan": "ENIIP, ipvlan, tc leading services to the node",
    "trunk": "a VLAN of a trunk a pod",
}
BIRD, UNKNOWN = "a real BIRD; Felix's part by hand", "by hand; verdicts unknown"


class Further(NamedTuple):
    """A mode with labs and a table of faults of its own."""

    row: Row
    codes: tuple[tuple[str, ...], ...]
    """Of each of its faults."""


def _further(mode: str, lab: str, faults: Iterable[Fault], plugin: str = "calico") -> Further:
    return Further(Row(plugin, mode, lab), tuple(fault.codes for fault in faults))


def _single(mode: str, lab: str, faults: Iterable[OneCode], plugin: str = "calico") -> Further:
    return Further(Row(plugin, mode, lab), tuple((fault.code,) for fault in faults))


def _dual_stack(overlay: bool) -> Iterable[OneCode]:
    return (one for one in test_dual_stack.FAULTS.values() if one.overlay in (None, overlay))


def _direct() -> Iterator[Further]:
    for kind, faults in flannel_direct_faults.FAULTS.items():
        backend, _, where = kind.removeprefix("flannel ").partition(", ")
        lab = GUEST if kind in flannel_direct_faults.IN_GUEST else HAND
        yield _further(f"{backend}, DirectRouting: {where}", lab, faults, "flannel")


FURTHER = (
    *(
        _single(
            f"{'vxlan' if overlay else 'host-gw'}, IPv6 beside IPv4", HAND, _dual_stack(overlay), "flannel"
        )
        for overlay in test_dual_stack.KINDS.values()
    ),
    *(
        _further(f"security groups for pods, {mode}", GUEST, faults, "aws-vpc-cni")
        for mode, faults in aws_branch_faults.FAULTS.items()
    ),
    *(_further(TERWAY[mode], GUEST, faults, "terway") for mode, faults in terway_apart_faults.FAULTS.items()),
    _single("udp", UNKNOWN, flannel_udp_faults.FAULTS.values(), "flannel"),
    _further("wireguard", EMULATED, flannel_wireguard_faults.FAULTS, "flannel"),
    *_direct(),
    _further("VXLAN, CrossSubnet: two subnets", HAND, calico_subnet_faults.FAULTS["vxlan"]),
    _further("BGP, a router between two subnets", HAND, calico_subnet_faults.FAULTS[""]),
    _further("BGP, mesh of three nodes", BIRD, (each.fault for each in calico_bird_faults.FAULTS[False])),
    _further("BGP, route reflector", BIRD, (each.fault for each in calico_bird_faults.FAULTS[True])),
    _further("IPIP", GUEST, calico_ipip_faults.FAULTS),
    _further("IPIP, CrossSubnet: two subnets", GUEST, calico_subnet_faults.IPIP),
    _single("IPv6 beside IPv4, BGP", HAND, calico_ipv6_faults.FAULTS[False].values()),
    _single("IPv6 beside IPv4, VXLAN", HAND, calico_ipv6_faults.FAULTS[True].values()),
    _further("WireGuard over BGP", EMULATED, calico_wireguard_faults.FAULTS),
    _single("eBPF data plane", UNKNOWN, calico_bpf_faults.FAULTS.values()),
    _single("native routing", UNKNOWN, cilium_faults.of("native"), "cilium"),
    _single("tunnel (vxlan)", UNKNOWN, cilium_faults.of("tunnel"), "cilium"),
)


def named(fault: Fault) -> bool:
    """By the plugin itself: its code begins with the plugin's name."""
    return by_plugin(fault.codes)


def by_plugin(codes: Iterable[str]) -> bool:
    """In the table of all modes a star stands for the plugin's name."""
    told = [*codes]
    return bool(told) and all(code.partition(".")[0] in ("*", "calico", "cilium", "flannel") for code in told)


def table() -> str:
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield "| plugin | mode | lab | healthy | faults named by the plugin / tried |"
    yield "| --- | --- | --- | --- | --- |"
    for mode in (*ALL_MODES, *GUEST_MODES, *VPC_MODES, *OWN_NIC_MODES):
        row, tried = ROWS[mode], [fault for fault in FAULTS if mode in fault.modes]
        count = f"{sum(map(named, tried))} / {len(tried)}"
        yield f"| {row.plugin} | {row.mode} | {row.lab} | silent | {count} |"
    for row, tables in FURTHER:
        count = f"{sum(map(by_plugin, tables))} / {len(tables)}"
        yield f"| {row.plugin} | {row.mode} | {row.lab} | silent | {count} |"


def with_table(page: str) -> str:
    """The page with the table of today."""
    head, _, rest = page.partition(BEGIN)
    return f"{head}{BEGIN}\n{table()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    print(table(), end="")
