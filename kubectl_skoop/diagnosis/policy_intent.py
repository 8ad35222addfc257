"""What the policies say of a flow, and whether anything enforces them: remarks, the nodes' rules decide."""

from collections.abc import Iterator

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.cluster.policy.effect import enforced_by_agents, invalid, without_effect
from kubectl_skoop.cluster.policy.ends import Flow, flows_between
from kubectl_skoop.cluster.policy.evaluate import PolicySet, has_policies, policy_set
from kubectl_skoop.cluster.policy.party import Class, Surroundings, pod_party
from kubectl_skoop.cluster.policy.reach import among, reaches
from kubectl_skoop.cluster.policy.rule import Verdict
from kubectl_skoop.diagnosis.registry import FALLBACK_PLUGIN, Setup
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion

PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp", 132: "sctp"}


def of_flow(setup: Setup, probe: Probe) -> tuple[Suspicion, ...]:
    """For its sender and its receiver; nothing in a cluster without policies."""
    cluster = setup.ctx.cluster
    if not has_policies(cluster):
        return ()
    names = dict.fromkeys(end.name for end in (probe.source, probe.destination) if end.kind == "pod")
    pods = [cluster.pod(name) for name in names]
    policies = policy_set(cluster, namespaces={pod.namespace for pod in (*pods, *_backends(cluster, probe))})
    around = Surroundings.of(cluster)
    own = [Class(party=pod_party(pod, around), members=[pod.key]) for pod in pods]
    enforced = _enforced(setup)
    return (
        *_denials(setup, policies, probe, enforced),
        *without_effect(among(own, policies.policies), enforced, _plugin(setup), certain=_certain(setup)),
        *invalid(policies.problems),
    )


def _backends(cluster: Cluster, probe: Probe) -> Iterator[PodInfo]:
    """Pods behind the service that is asked; they may be of another namespace than it is."""
    if probe.destination.kind in ("service", "lb"):
        service = cluster.service(probe.destination.name)
        for port in service.ports:
            for backend in cluster.backends(service, port):
                end = cluster.endpoint(backend.address)
                if end.kind == "pod":
                    yield cluster.pod(end.name)


def of_cluster(setup: Setup) -> tuple[Suspicion, ...]:
    """For all pods; nothing in a cluster without policies."""
    cluster = setup.ctx.cluster
    if not has_policies(cluster):
        return ()
    policies, enforced = policy_set(cluster), _enforced(setup)
    idle = [policy for policy in policies.policies if policy.kind not in enforced]
    found = reaches(cluster, policies, idle) if idle else []
    return (
        *without_effect(found, enforced, _plugin(setup), certain=_certain(setup)),
        *invalid(policies.problems),
    )


def _plugin(setup: Setup) -> str:
    return setup.network.plugin.name


def _enforced(setup: Setup) -> frozenset[str]:
    return setup.network.plugin.enforces | enforced_by_agents(setup.ctx.cluster)


def _certain(setup: Setup) -> bool:
    """The CNI and the agents are known."""
    daemon_sets = setup.ctx.cluster.source.objects("DaemonSet")
    return _plugin(setup) != FALLBACK_PLUGIN and not isinstance(daemon_sets, NotCollected)


def _denials(
    setup: Setup, policies: PolicySet, probe: Probe, enforced: frozenset[str]
) -> Iterator[Suspicion]:
    """By the policies that are enforced."""
    protocol = PROTOCOLS.get(probe.protocol)
    kept = PolicySet(
        policies=tuple(policy for policy in policies.policies if policy.kind in enforced),
        dialect=policies.dialect,
    )
    if protocol is None or not kept.policies:
        return
    try:
        found = flows_between(
            setup.ctx.cluster,
            kept,
            probe.source,
            probe.destination,
            0 if protocol == "icmp" else probe.dport,
            protocol,
        )
    except InputError:
        return
    yield from dict.fromkeys(_denial(flow) for flow in found if flow.answer.verdict is Verdict.DENY)


def _denial(flow: Flow) -> Suspicion:
    decision = flow.answer.decisive
    end = flow.source if decision.direction == "egress" else flow.destination
    kind, _, name = end.name.partition("/")
    rule = f"{decision.policy}, {decision.rule}" if decision.rule else decision.policy
    return Suspicion(
        code="policy.denies",
        level=Level.INFO,
        where=Where(place=Place("node" if kind == "node" else "pod", name)),
        message=f"by its policies {end.name} does not let this flow through ({decision.direction}): "
        f"{decision.because}",
        evidence=(f"decided by {rule}", f"asked in this order: {', '.join(decision.selecting)}"),
        remedy="let the flow through in a policy, if it is meant to pass",
    )
