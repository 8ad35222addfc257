"""VRF: devices that share a routing table of their own (net/l3mdev/l3mdev.c, drivers/net/vrf.c).

As Linux 5.18 and later do it: a rule `l3mdev` leads to the table of the VRF that the flow's device is in.
"""

from kubectl_skoop.netstack.device import Device
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.flow import LOOPBACK_INDEX, FlowKey


def of(ns: NetworkNamespace, index: int) -> Device | None:
    """l3mdev_master_dev: the VRF that the device with this index is, or belongs to."""
    if not ns.vrfs:
        return None
    device = ns.devices.get(index)
    return None if device is None else ns.vrfs.get(index) or ns.vrfs.get(device.master)


def index_of(ns: NetworkNamespace, index: int) -> int:
    """The same as an index; 0: none."""
    found = of(ns, index)
    return found.index if found else 0


def flow(ns: NetworkNamespace, key: FlowKey) -> FlowKey:
    """l3mdev_update_flow: a VRF as the out device only chooses the table."""
    if not ns.vrfs:
        return key
    if key.oif and key.oif in ns.devices:
        oif = 0 if key.oif in ns.vrfs else key.oif
        return key._replace(oif=oif, vrf=key.vrf or index_of(ns, key.oif))
    if key.iif > LOOPBACK_INDEX and not key.vrf:
        return key._replace(vrf=index_of(ns, key.iif))
    return key
