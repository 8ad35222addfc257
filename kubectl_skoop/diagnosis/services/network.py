"""The networks that services have their addresses from: what ServiceCIDRs say, else what addresses tell."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from ipaddress import ip_network
from typing import NamedTuple

from kubectl_skoop.cluster.addresses import covering
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.raw import dig, ref_of, texts
from kubectl_skoop.cluster.service import Service
from kubectl_skoop.model.packet import Address, Network

KIND = "ServiceCIDR"
"""Of networking.k8s.io, from 1.31 on; before it no object tells the networks."""
OPTION = "--service-cidr"
MAX_BITS = 20
"""That the API server lets differ within one network (--service-cluster-ip-range)."""
API_SERVICE = ("default", "kubernetes")
"""Each cluster has it: where it is among the objects, they are not those of some other namespaces only."""
COMPARED = 5000
"""Addresses that are searched for a near one."""
ENOUGH = 2
"""Addresses that a network is made out of."""


class ServiceNetwork(NamedTuple):
    """One of them."""

    network: Network
    stated: str = ""
    """What says so; empty: it is made out of addresses, so the real one may be larger."""

    def __str__(self) -> str:
        return str(self.network) if self.stated else f"{self.network} or more"


def service_networks(
    cluster: Cluster, version: int, given: Sequence[Network] = ()
) -> tuple[ServiceNetwork, ...]:
    """Of one family; `given`: the user says so, which outweighs objects. Empty: no object states one, and too
    few addresses are known, or they are far apart."""
    told = [ServiceNetwork(network, OPTION) for network in given] or _stated(cluster)
    stated = tuple(one for one in told if one.network.version == version)
    if stated:
        return stated
    network = _covering(cluster.services(), version)
    return (ServiceNetwork(network),) if network is not None else ()


def nobody_has(cluster: Cluster, address: Address, given: Sequence[Network] = ()) -> str:
    """That no service has an address of their network, with the nearest; empty: it may be somebody else's."""
    services = cluster.services()
    if API_SERVICE not in {(one.namespace, one.name) for one in services}:
        return ""
    networks = service_networks(cluster, address.version, given)
    network = next((one for one in networks if address in one.network), None)
    if network is None:
        return ""
    if any(one in network.network for node in cluster.nodes() for one in node.addresses):
        return ""
    names = {str(one): service.key for service in services[:COMPARED] for one in service.cluster_addresses}
    near = get_close_matches(str(address), names, n=1, cutoff=0)
    nearest = f"; nearest is service {names[near[0]]} with {near[0]}" if near else ""
    return f"no service has {address}, which is in the network of services, {network}{nearest}"


def _stated(cluster: Cluster) -> Iterable[ServiceNetwork]:
    for item in cluster.objects(KIND):
        for written in texts(dig(item, "spec"), "cidrs"):
            try:
                yield ServiceNetwork(ip_network(written, strict=False), f"{KIND} {ref_of(item).name}")
            except ValueError:
                continue


def _covering(services: Iterable[Service], version: int) -> Network | None:
    """The smallest network with all cluster addresses of a family: a part of the real one."""
    own = {
        address for service in services for address in service.cluster_addresses if address.version == version
    }
    if len(own) < ENOUGH:
        return None
    network = covering(own)
    return network if network.max_prefixlen - network.prefixlen <= MAX_BITS else None
