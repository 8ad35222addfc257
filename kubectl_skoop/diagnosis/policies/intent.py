"""What the policies say of a flow, and whether the nodes have it: remarks, the nodes' rules decide."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.objects import PodInfo
from kubectl_skoop.cluster.policy.effect import AGENTS, enforced_by_agents, invalid, without_effect
from kubectl_skoop.cluster.policy.ends import End, Flow, flows_between
from kubectl_skoop.cluster.policy.evaluate import PolicySet, has_policies, policy_set
from kubectl_skoop.cluster.policy.party import Class, Surroundings, pod_party
from kubectl_skoop.cluster.policy.reach import among
from kubectl_skoop.cluster.policy.rule import Verdict
from kubectl_skoop.diagnosis.extension.registry import FALLBACK_PLUGIN, Setup
from kubectl_skoop.diagnosis.policies.agents import Agent, writer
from kubectl_skoop.diagnosis.result import Verdict as WalkVerdict
from kubectl_skoop.model.errors import InputError, NoVerdict
from kubectl_skoop.model.listed import bounded, listed
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion


class Judging(NamedTuple):
    """What flows of some namespaces are judged by."""

    policies: PolicySet
    around: Surroundings


KEPT = 8
"""Sets of namespaces whose policies the next questions may ask again."""
PROTOCOLS = {1: "icmp", 6: "tcp", 17: "udp", 58: "icmp", 132: "sctp"}


def of_flow(
    setup: Setup, probe: Probe, stopping: Sequence[Suspicion] = (), decided: WalkVerdict = "unknown"
) -> tuple[Suspicion, ...]:
    """For its sender and its receiver.

    `stopping`: the rules that stop it; `decided`: by the walk. Without rules there is nothing to say in a
    cluster without policies. A flow with a source port may be a connection from before the policies.
    """
    cluster = setup.ctx.cluster
    rules = [(rule, agent) for rule in stopping if (agent := writer(rule)) is not None]
    if not rules and not has_policies(cluster):
        return ()
    names = dict.fromkeys(end.name for end in (probe.source, probe.destination) if end.kind == "pod")
    pods = [cluster.pod(name) for name in names]
    spaces = frozenset(pod.namespace for pod in (*pods, *_backends(cluster, probe)))
    policies, around = _judging(setup, spaces)
    own = [Class(party=pod_party(pod, around), members=[pod.key]) for pod in pods]
    enforced = enforced_kinds(setup).union(*(AGENTS[agent.name] for _, agent in rules))
    found = _flows(setup, policies, around, probe, enforced)
    new = not probe.sport
    return (
        *_denials(found, passed=decided == "reachable" and new and not policies.missing),
        *_not_meant(cluster, rules, found),
        *without_effect(
            among(own, policies.policies), enforced, plugin_name(setup), certain=is_certain(setup)
        ),
        *invalid(policies.problems),
    )


def _judging(setup: Setup, namespaces: frozenset[str]) -> Judging:
    kept = setup.ctx.policies
    if namespaces not in kept:
        if len(kept) == KEPT:
            del kept[next(iter(kept))]
        cluster = setup.ctx.cluster
        kept[namespaces] = Judging(policy_set(cluster, namespaces=namespaces), Surroundings.of(cluster))
    return kept[namespaces]


def _backends(cluster: Cluster, probe: Probe) -> Iterator[PodInfo]:
    """Pods behind the service that is asked; they may be of another namespace than it is."""
    if probe.destination.kind in ("service", "lb"):
        service = cluster.service(probe.destination.name)
        for port in service.ports:
            for backend in cluster.backends(service, port):
                end = cluster.endpoint(backend.address)
                if end.kind == "pod":
                    yield cluster.pod(end.name)


def plugin_name(setup: Setup) -> str:
    return setup.network.plugin.name


def enforced_kinds(setup: Setup) -> frozenset[str]:
    return setup.network.plugin.enforces | enforced_by_agents(setup.ctx.cluster)


def is_certain(setup: Setup) -> bool:
    """The CNI and the agents are known."""
    daemon_sets = setup.ctx.cluster.source.objects("DaemonSet")
    return plugin_name(setup) != FALLBACK_PLUGIN and not isinstance(daemon_sets, NotCollected)


def _flows(
    setup: Setup, policies: PolicySet, around: Surroundings, probe: Probe, enforced: frozenset[str]
) -> tuple[Flow, ...]:
    """What the policies that are enforced say; none: they cannot be asked."""
    protocol = PROTOCOLS.get(probe.protocol)
    kept = PolicySet(
        policies=tuple(policy for policy in policies.policies if policy.kind in enforced),
        dialect=policies.dialect,
    )
    if protocol is None:
        return ()
    try:
        return flows_between(
            setup.ctx.cluster,
            around,
            kept,
            probe.source,
            probe.destination,
            0 if protocol == "icmp" else probe.dport,
            protocol,
        )
    except (InputError, NoVerdict):
        return ()


def _denials(found: Sequence[Flow], *, passed: bool) -> Iterator[Suspicion]:
    """`passed`: the nodes' rules let all of it through."""
    denied = [flow for flow in found if flow.answer.verdict is Verdict.DENY]
    yield from dict.fromkeys(_not_enforced(flow) if passed else _denial(flow) for flow in denied)


def _denial(flow: Flow) -> Suspicion:
    return Suspicion(
        code="policy.denies",
        level=Level.INFO,
        where=_where(flow),
        message=f"by its policies {_decisive(flow).name} does not let this flow through "
        f"({flow.answer.decisive.direction}): {flow.answer.decisive.because}",
        evidence=_evidence(flow),
        remedy="let the flow through in a policy, if it is meant to pass",
    )


def _not_enforced(flow: Flow) -> Suspicion:
    end = _decisive(flow)
    node = f" of {end.node}" if end.node else ""
    return Suspicion(
        code="policy.not-enforced",
        level=Level.WARNING,
        where=_where(flow),
        message=f"by its policies {end.name} does not let this flow through "
        f"({flow.answer.decisive.direction}), but the rules{node} do: {flow.answer.decisive.because}",
        evidence=_evidence(flow),
        remedy=_remedy(end.node),
    )


def _remedy(node: str, agent: str = "the agent that enforces policies") -> str:
    return (
        f"see whether {agent} runs{f' on {node}' if node else ''} and follows changes (its log); "
        "whether it reads the policy as the API does: docs/policies.md"
    )


def _decisive(flow: Flow) -> End:
    return flow.source if flow.answer.decisive.direction == "egress" else flow.destination


def _where(flow: Flow) -> Where:
    kind, _, name = _decisive(flow).name.partition("/")
    return Where(place=Place("node" if kind == "node" else "pod", name))


def _evidence(flow: Flow) -> tuple[str, ...]:
    decision = flow.answer.decisive
    rule = f"{decision.policy}, {decision.rule}" if decision.rule else decision.policy
    return f"decided by {rule}", f"asked in this order: {listed(decision.selecting)}"


def _not_meant(
    cluster: Cluster, rules: Sequence[tuple[Suspicion, Agent]], found: Sequence[Flow]
) -> Iterator[Suspicion]:
    """A rule of an agent stops what all policies let through."""
    if not found or any(flow.answer.verdict is not Verdict.ACCEPT for flow in found):
        return
    sides = dict.fromkeys(
        f"{side.direction} of {end.name}: {side.because}"
        for flow in found
        for side, end in ((flow.answer.egress, flow.source), (flow.answer.ingress, flow.destination))
    )
    for rule, agent in dict.fromkeys(rules):
        if any(isinstance(cluster.source.objects(kind), NotCollected) for kind in agent.kinds):
            continue
        yield Suspicion(
            code="policy.not-meant",
            level=Level.CRITICAL,
            where=rule.where,
            message=f"the policies let this flow through, a rule of {agent.name} does not",
            evidence=(rule.evidence[0], *bounded(sides)),
            remedy=_remedy(rule.where.place.name if rule.where.place else "", agent.name),
        )
