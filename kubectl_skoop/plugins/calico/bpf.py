"""eBPF mode: Felix's programs take the place of rules. What they do with a packet is not modelled.

Beside the programs only the veth is compared that some versions make, for the node's own packets to services.
"""

import re

from kubectl_skoop.api import NodeInfo, Place, Wishes, expect
from kubectl_skoop.plugins.calico.fabric import BPF_INSIDE, BPF_OUTSIDE, Fabric
from kubectl_skoop.plugins.calico.family import FAMILIES, V4

_DATA_DEVICE = re.compile(r"(en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*")
"""BPFDataIfacePattern as it is unless FelixConfiguration has another (felix/config/config_params.go)."""


def devices(fabric: Fabric, node: NodeInfo) -> Wishes:
    """What must be there whatever the programs do."""
    place = Place("node", node.name)
    ends = [fabric.ctx.device(place, name) for name in (BPF_INSIDE, BPF_OUTSIDE)]
    if any(ends):
        yield from _veth(ends[1].mac if ends[1] is not None else "")
    if fabric.felix_on(node).bpf_data_pattern:
        return
    names = {device.name for family in FAMILIES if (device := fabric.uplink(node, family)) is not None}
    for name in sorted(names):
        if _DATA_DEVICE.fullmatch(name):
            because = "Felix attaches its programs to devices that lead to other nodes"
            yield expect.device(name, programs=("ingress", "egress"), because=because)


def _veth(outside_mac: str) -> Wishes:
    """ensureBPFDevices, reconcileBPFDevices (felix/dataplane/linux/bpf_ep_mgr.go)."""
    because = "Felix makes it when it starts in eBPF mode"
    for name in (BPF_INSIDE, BPF_OUTSIDE):
        yield expect.device(name, kind="veth", up=True, because=because)
    yield expect.sysctl(
        "net.ipv4.conf.all.rp_filter",
        0,
        because=f"Felix sets it: by {BPF_INSIDE} come sources that have no route there",
    )
    yield expect.route(f"{V4.gateway}/32", dev=BPF_INSIDE, because=because)
    if outside_mac:
        because = f"Felix writes it, as nobody answers for {V4.gateway}"
        yield expect.neighbour(V4.gateway, dev=BPF_INSIDE, mac=outside_mac, because=because)
