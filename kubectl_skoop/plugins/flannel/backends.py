"""Which backend flanneld has on a node."""

from collections.abc import Mapping

from kubectl_skoop.api import NodeInfo
from kubectl_skoop.plugins.flannel.backend import Backend, HostGw
from kubectl_skoop.plugins.flannel.fabric import Fabric
from kubectl_skoop.plugins.flannel.ipip import Ipip
from kubectl_skoop.plugins.flannel.settings import BackendType
from kubectl_skoop.plugins.flannel.udp import Udp
from kubectl_skoop.plugins.flannel.vxlan import Vxlan
from kubectl_skoop.plugins.flannel.wireguard import Wireguard

BACKENDS: Mapping[BackendType, type[Backend]] = {
    "alloc": Backend,
    "host-gw": HostGw,
    "ipip": Ipip,
    "udp": Udp,
    "vxlan": Vxlan,
    "wireguard": Wireguard,
}


def backend_on(fabric: Fabric, node: NodeInfo) -> Backend:
    """Of one that is not known nothing is wished."""
    return BACKENDS.get(fabric.backend_of(node), Backend)(fabric, node)
