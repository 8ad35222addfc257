"""What the kernel learned of a destination: here the gateway that a redirect told (find_exception)."""

from kubectl_skoop.model.packet import Address
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.routing.lookup import Found


def gateway(ns: NetworkNamespace, destination: Address, found: Found) -> Address | None:
    """The nexthop's, or the one that a router on its link named instead (rt_bind_exception).

    An exception belongs to one nexthop; which one is told by its table and device. Learned path MTUs are
    exceptions, too, with the route's own gateway.
    """
    own = {nexthop.gateway for nexthop in found.route.nexthops}
    for entry in ns.exceptions:
        if (entry.destination, entry.device, entry.table) == (
            destination,
            found.nexthop.device,
            found.route.table,
        ) and entry.gateway not in (None, *own):
            return entry.gateway
    return found.nexthop.gateway
