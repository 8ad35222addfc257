"""What the policies mean for each pod of a cluster with Calico, by address."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.connectivity import depends_on_subject
from kubectl_skoop.cluster.policy.address import IPV4, IPV6, address_at, block
from kubectl_skoop.cluster.policy.evaluate import PolicySet, selecting
from kubectl_skoop.cluster.policy.interval import Intervals, subtract, union
from kubectl_skoop.cluster.policy.judge import Judged, judge
from kubectl_skoop.cluster.policy.kube_router import FAMILIES, Family
from kubectl_skoop.cluster.policy.party import Surroundings, pod_party
from kubectl_skoop.cluster.policy.port import EVERY, NUMBERS, ports
from kubectl_skoop.cluster.policy.rule import Direction
from kubectl_skoop.cluster.policy.tiers import stages
from kubectl_skoop.cluster.policy.universe import Party, PeerSet, Universe
from kubectl_skoop.cluster.raw import text


@dataclass(slots=True)
class Meaning:
    """Of one family. Pods are the parties of the universe; each is known by its address."""

    family: Family
    policies: PolicySet
    universe: Universe
    on_node: dict[str, list[int]]
    outside: Intervals
    """Addresses that are nobody's here and in no network of pods."""
    _judged: dict[object, Judged] = field(default_factory=dict)

    @property
    def foreign(self) -> Intervals:
        """The other family's ICMP: nothing of it is sent here."""
        return ports(NUMBERS["ICMPV6" if self.family == 4 else "ICMP"])

    @property
    def ports(self) -> Intervals:
        """All that are compared."""
        return subtract(EVERY, self.foreign)

    def party(self, at: int) -> Party:
        return self.universe.parties[at]

    def judged(self, at: int, direction: Direction) -> tuple[Judged, tuple[str, ...]]:
        """And the policies that select the pod."""
        found = selecting(self.policies.candidates(self.party(at).namespace), self.universe, at)
        ruled = [(policy, rules) for policy in found if (rules := policy.rules(direction)) is not None]
        own = any(depends_on_subject(policy, direction) for policy, _ in ruled)
        asked = tuple((policy.key, policy.tier, policy.rank, rules.doubt) for policy, rules in ruled)
        key = (direction, asked, at if own else -1)
        answer = self._judged.get(key)
        if answer is None:
            answer = judge(self.universe, at, stages(found, direction), direction)
            self._judged[key] = answer
        return answer, tuple(dict.fromkeys(policy.key for policy, _ in ruled))

    def others(self, at: int) -> PeerSet:
        """All that are compared but the pod itself."""
        return PeerSet(self.universe.everybody.bits & ~(1 << at), self.outside)


def meaning(cluster: Cluster, policies: PolicySet) -> tuple[Meaning, ...]:
    """For each family in which a pod has an address."""
    around = Surroundings.of(cluster)
    return tuple(found for family in FAMILIES if (found := _of_family(family, cluster, policies, around)))


def _of_family(family: Family, cluster: Cluster, policies: PolicySet, around: Surroundings) -> Meaning | None:
    parties: list[Party] = []
    on_node: dict[str, list[int]] = {}
    for pod in cluster.pods():
        address = next((one for one in pod.addresses if one.version == family), None)
        if address is not None and not (pod.host_network or pod.finished or pod.deleted):
            on_node.setdefault(pod.node, []).append(len(parties))
            parties.append(pod_party(pod, around, address))
    if not parties:
        return None
    known = union((*_taken(cluster), *((party.address, party.address) for party in parties)))
    outside = subtract(IPV4 if family == 4 else IPV6, known)
    return Meaning(family, policies, Universe(parties), on_node, outside)


def _taken(cluster: Cluster) -> Iterator[tuple[int, int]]:
    """Addresses of nodes and networks of pods: who has one of these, a node or a pod of yesterday, is not
    told by the objects."""
    written = [text(item, "spec", "cidr") for item in cluster.objects("IPPool")]
    for node in cluster.nodes():
        written += node.pod_cidrs
        for address in node.addresses:
            yield address_at(address), address_at(address)
    for network in written:
        try:
            yield from block(network)
        except ValueError:
            continue
