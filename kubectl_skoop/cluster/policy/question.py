"""One flow: what its sender's and its receiver's policies say, and which rule decided."""

from collections.abc import Sequence
from dataclasses import dataclass

from kubectl_skoop.cluster.policy.evaluate import PolicySet, selecting
from kubectl_skoop.cluster.policy.judge import Event, judge
from kubectl_skoop.cluster.policy.rule import Decision, Direction, Verdict
from kubectl_skoop.cluster.policy.tiers import stages
from kubectl_skoop.cluster.policy.universe import Party, PeerSet, Universe
from kubectl_skoop.model.listed import listed

NO_POLICY = "no policy selects it"
NONE_DECIDES = "no policy that selects it decides"
NONE_DENIES = "no policy that selects it denies it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    verdict: Verdict
    """ACCEPT, DENY or UNKNOWN."""
    egress: Decision
    ingress: Decision

    @property
    def decisive(self) -> Decision:
        """The side that the verdict is due to."""
        return self.egress if self.egress.verdict is self.verdict else self.ingress


def ask(
    policies: PolicySet,
    source: Party | int,
    destination: Party | int,
    port: int,
    *,
    same_pod: bool = False,
    same_node: bool = False,
) -> Answer:
    """Whether a new connection is let through. A party, or an address outside (`address_at`); `port_at`.

    `same_node`: one of the two is the node, or on the host's network of the node, that the other runs on.
    """
    if same_pod or same_node:
        why = "a pod always reaches itself" if same_pod else "a pod and its own node always reach each other"
        return Answer(
            verdict=Verdict.ACCEPT,
            egress=Decision(verdict=Verdict.ACCEPT, direction="egress", because=why),
            ingress=Decision(verdict=Verdict.ACCEPT, direction="ingress", because=why),
        )
    universe = Universe([end for end in (source, destination) if isinstance(end, Party)])
    sides = (_peer(source, 0), _peer(destination, len(universe.parties) - 1))
    egress = _decide(policies, universe, "egress", source, 0, sides[1], port)
    ingress = _decide(policies, universe, "ingress", destination, len(universe.parties) - 1, sides[0], port)
    both = {egress.verdict, ingress.verdict}
    verdict = next(entry for entry in (Verdict.DENY, Verdict.UNKNOWN, Verdict.ACCEPT) if entry in both)
    return Answer(verdict=verdict, egress=egress, ingress=ingress)


def _peer(end: Party | int, at: int) -> PeerSet:
    return PeerSet(1 << at) if isinstance(end, Party) else PeerSet(0, ((end, end),))


def _decide(
    policies: PolicySet,
    universe: Universe,
    direction: Direction,
    end: Party | int,
    at: int,
    peer: PeerSet,
    port: int,
) -> Decision:
    if not isinstance(end, Party):
        return Decision(
            verdict=Verdict.ACCEPT,
            direction=direction,
            because="it is outside: no policy of the cluster there",
        )
    found = selecting(policies.candidates(end.namespace), universe, at)
    tiers = stages(found, direction)
    events: list[Event] = []
    judged = judge(universe, at, tiers, direction, events=events, peers=peer, ports=((port, port),))
    keys = tuple(dict.fromkeys(policy.key for stage in tiers for rank in stage.ranks for policy, _ in rank))
    if judged.unknown:
        return _unknown(events, direction, keys)
    wanted = Verdict.ACCEPT if judged.allowed else Verdict.DENY
    deciding = [event for event in events if event.verdict is wanted]
    event = next((event for event in reversed(deciding) if not event.doubt), None)
    match event:
        case None:
            because = (NONE_DENIES if deciding else NONE_DECIDES) if keys else NO_POLICY
            return Decision(verdict=Verdict.ACCEPT, direction=direction, because=because, selecting=keys)
        case Event(rule=None):
            isolating = [stage.isolating for stage in tiers if stage.tier == event.policy.tier]
            names = [policy.key for policy, _ in isolating[0]]
            return Decision(
                verdict=Verdict.DENY,
                direction=direction,
                policy=event.policy.key,
                because=f"no rule of {listed(names, 4)} lets it through",
                selecting=keys,
            )
        case Event(policy, rule, verdict, _):
            assert rule is not None
            does = "accepts" if verdict is Verdict.ACCEPT else "denies"
            return Decision(
                verdict=verdict,
                direction=direction,
                policy=policy.key,
                rule=rule.where,
                because=f"{policy.key} {does} it in {rule.where}",
                selecting=keys,
            )


def _unknown(events: Sequence[Event], direction: Direction, keys: tuple[str, ...]) -> Decision:
    for event in events:
        if event.doubt:
            where = event.rule.where if event.rule is not None else ""
            return Decision(
                verdict=Verdict.UNKNOWN,
                direction=direction,
                policy=event.policy.key,
                rule=where,
                because=event.doubt,
                selecting=keys,
            )
    tied = list(dict.fromkeys(event.policy.key for event in events))
    return Decision(
        verdict=Verdict.UNKNOWN,
        direction=direction,
        policy=tied[0],
        because=f"{listed(tied, 4)} have the same priority and disagree: nobody can say which is asked first",
        selecting=keys,
    )
