"""Networks that the objects give away twice, or that are none: podCIDRs, addresses beside them, IPPools."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from kubectl_skoop.cluster.addresses import span
from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.raw import Object, number, ref_of, text
from kubectl_skoop.model.listed import bounded
from kubectl_skoop.model.packet import Address, Network
from kubectl_skoop.model.place import Endpoint, Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion


class Given(NamedTuple):
    """A network, and to whom it was given."""

    network: Network
    owner: str
    """`node n1`, `IPPool default`."""
    line: str
    place: Place | None


class Clash(NamedTuple):
    networks: tuple[Network, ...]
    """Empty: there is none, since it cannot be read."""
    suspicion: Suspicion

    def concerns(self, address: Address) -> bool:
        return any(address in network for network in self.networks if network.version == address.version)


def findings(cluster: Cluster) -> Iterator[Suspicion]:
    """Of the whole cluster."""
    services = {
        address: f"service {service.key}: {address}"
        for service in cluster.services()
        for address in service.cluster_addresses
    }
    return (clash.suspicion for clash in _clashes(cluster, services, _all))


def about(cluster: Cluster, ends: Sequence[Endpoint]) -> Iterator[Suspicion]:
    """Of networks that a sender or receiver is in."""
    services = {end.address: f"service {end.name}: {end.address}" for end in ends if end.kind == "service"}
    for clash in _clashes(cluster, services, _near(cluster, [end.address for end in ends])):
        if any(clash.concerns(end.address) for end in ends):
            yield clash.suspicion


def _near(cluster: Cluster, addresses: Iterable[Address]) -> Callable[[str], bool]:
    """Whether a network or an address of a node can have to do with the podCIDRs that the addresses are in.

    Compared as numbers, since thousands of nodes are asked; where `span` does not understand a podCIDR,
    everything can.
    """
    ends = [(address.version, int(address)) for address in addresses]
    spans = [span(text) for node in cluster.nodes() for text in node.pod_cidrs]
    known = [one for one in spans if one is not None]
    if len(known) < len(spans):
        return _all
    around = [
        one
        for one in known
        if any(one.version == version and one.first <= end <= one.last for version, end in ends)
    ]

    def meets(written: str) -> bool:
        own = span(written)
        return own is not None and any(
            own.version == one.version and own.first <= one.last and one.first <= own.last for one in around
        )

    return meets


def _all(written: str) -> bool:
    return True


def _clashes(
    cluster: Cluster, services: Mapping[Address, str], meets: Callable[[str], bool]
) -> Iterator[Clash]:
    """`meets`: whether what is written of a node can matter."""
    pod_cidrs, unread = _read(
        _pod_cidr(node.name, text) for node in cluster.nodes() for text in node.pod_cidrs if meets(text)
    )
    yield from unread
    for first, second in overlapping(pod_cidrs):
        yield _overlap("address-plan.pod-cidr", "podCIDR", first, second)
    yield from _taken("address-plan.service", "of services", services, pod_cidrs)
    nodes = {
        address: f"node {node.name}: {address}"
        for node in cluster.nodes()
        if any(map(meets, node.written_addresses))
        for address in node.addresses
    }
    yield from _taken("address-plan.node", "of nodes", nodes, pod_cidrs)
    pools, unread = _read(map(_pool, cluster.objects("IPPool")))
    yield from unread
    for first, second in overlapping(pools):
        yield _overlap("address-plan.pool", "IPPool", first, second)


def overlapping(given: Iterable[Given]) -> Iterator[tuple[Given, Given]]:
    """Each network with the smallest one around it, or an equal one, that somebody else was given."""
    around: list[Given] = []
    for one in sorted(
        given, key=lambda one: (one.network.version, int(one.network[0]), one.network.prefixlen)
    ):
        while around and not _inside(one.network, around[-1].network):
            around.pop()
        if around and around[-1].owner != one.owner:
            yield around[-1], one
        around.append(one)


def _inside(small: Network, large: Network) -> bool:
    return small.version == large.version and int(large[0]) <= int(small[0]) <= int(large[-1])


def _taken(
    code: str, whose: str, owners: Mapping[Address, str], pod_cidrs: Sequence[Given]
) -> Iterator[Clash]:
    """Addresses that are in a podCIDR though they are no pods'."""
    by_length: dict[tuple[int, int], dict[int, Given]] = {}
    for given in pod_cidrs:
        network = given.network
        free = network.max_prefixlen - network.prefixlen
        by_length.setdefault((network.version, free), {})[int(network[0]) >> free] = given
    found: dict[Given, list[str]] = {}
    for address, line in owners.items():
        for (version, free), networks in by_length.items():
            around = networks.get(int(address) >> free) if version == address.version else None
            if around is not None:
                found.setdefault(around, []).append(line)
    for given, lines in found.items():
        message = f"addresses {whose} are in the podCIDR {given.network} of {given.owner}"
        mend = (
            "change --service-cluster-ip-range, --cluster-cidr or the nodes' network, so that they are apart"
        )
        yield Clash((given.network,), _finding(code, given, message, (given.line, *bounded(lines)), mend))


def _read(given: Iterable[Given | Suspicion]) -> tuple[list[Given], list[Clash]]:
    """What could be read, and what could not."""
    read: list[Given] = []
    unread: list[Clash] = []
    for one in given:
        if isinstance(one, Given):
            read.append(one)
        else:
            unread.append(Clash((), one))
    return read, unread


def _pod_cidr(node: str, written: str) -> Given | Suspicion:
    line = f"node {node}: spec.podCIDRs {written}"
    try:
        return Given(ip_network(written), f"node {node}", line, Place("node", node))
    except ValueError:
        return Suspicion(
            code="address-plan.unreadable",
            level=Level.WARNING,
            where=Where(place=Place("node", node)),
            message=f"the podCIDR of node {node} is no network: {written}",
            evidence=(line,),
            remedy="delete the Node object, so that it registers anew and gets a podCIDR",
        )


def _pool(item: Object) -> Given | Suspicion:
    name, written, size = ref_of(item).name, text(item, "spec", "cidr"), number(item, "spec", "blockSize")
    line = f"IPPool {name}: cidr {written or 'absent'}" + (f", blockSize {size}" if size else "")
    try:
        network = ip_network(written)
    except ValueError:
        problem = "is no network"
    else:
        if not size or network.prefixlen <= size <= network.max_prefixlen:
            return Given(network, f"IPPool {name}", line, None)
        problem = f"cannot be cut into blocks of /{size}"
    return Suspicion(
        code="address-plan.unreadable",
        level=Level.WARNING,
        where=Where(),
        message=f"the IPPool {name} {problem}: no pod gets an address of it",
        evidence=(line,),
        remedy=f"kubectl edit ippool {name}",
    )


def _overlap(code: str, what: str, first: Given, second: Given) -> Clash:
    same = first.network == second.network
    how = f"have the same {what} {first.network}" if same else f"have addresses in common: {what}s overlap"
    message = f"{first.owner} and {second.owner} {how}"
    mend = f"give one of them another {what}"
    networks = (first.network, second.network)
    others = () if first.place is None else (first.place,)
    return Clash(networks, _finding(code, second, message, (first.line, second.line), mend, others))


def _finding(
    code: str,
    given: Given,
    message: str,
    evidence: tuple[str, ...],
    remedy: str,
    about: tuple[Place, ...] = (),
) -> Suspicion:
    return Suspicion(
        code=code,
        level=Level.WARNING,
        where=Where(place=given.place),
        message=message,
        evidence=evidence,
        remedy=remedy,
        about=about,
    )
