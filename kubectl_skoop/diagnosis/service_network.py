"""The network that services have their addresses from, as far as their addresses tell it: no object does."""

from collections.abc import Iterable

from kubectl_skoop.cluster.addresses import covering
from kubectl_skoop.cluster.service import Service
from kubectl_skoop.model.packet import Network

MAX_BITS = 20
"""That the API server lets differ within one network (--service-cluster-ip-range)."""
ENOUGH = 2
"""Addresses that a network is made out of."""


def service_network(services: Iterable[Service], version: int) -> Network | None:
    """The smallest network with all cluster addresses of a family: a part of the real one.

    None: too few are known, or they are of several networks.
    """
    own = {
        address for service in services for address in service.cluster_addresses if address.version == version
    }
    if len(own) < ENOUGH:
        return None
    network = covering(own)
    return network if network.max_prefixlen - network.prefixlen <= MAX_BITS else None
