"""The network that services have their addresses from, as far as their addresses tell it: no object does."""

from collections.abc import Iterable
from difflib import get_close_matches

from kubectl_skoop.cluster.addresses import covering
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.service import Service
from kubectl_skoop.model.packet import Address, Network

MAX_BITS = 20
"""That the API server lets differ within one network (--service-cluster-ip-range)."""
API_SERVICE = ("default", "kubernetes")
"""Each cluster has it: where it is among the objects, they are not those of some other namespaces only."""
COMPARED = 5000
"""Addresses that are searched for a near one."""
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


def nobody_has(cluster: Cluster, address: Address) -> str:
    """That no service has an address of their network, with the nearest; empty: it may be somebody else's."""
    services = cluster.services()
    if API_SERVICE not in {(one.namespace, one.name) for one in services}:
        return ""
    network = service_network(services, address.version)
    if network is None or address not in network:
        return ""
    if any(one in network for node in cluster.nodes() for one in node.addresses):
        return ""
    names = {str(one): service.key for service in services[:COMPARED] for one in service.cluster_addresses}
    near = get_close_matches(str(address), names, n=1, cutoff=0)
    nearest = f"; nearest is service {names[near[0]]} with {near[0]}" if near else ""
    return f"no service has {address}, which is in the network of services, {network} or more{nearest}"
