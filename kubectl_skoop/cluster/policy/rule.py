"""What every kind of policy is compiled into: rules in ranks, ranks in tiers."""

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from kubectl_skoop.cluster.policy.interval import Intervals
from kubectl_skoop.cluster.policy.port import EVERY
from kubectl_skoop.cluster.policy.term import EVERYBODY, Term, Undecided

Direction = Literal["ingress", "egress"]
DIRECTIONS: tuple[Direction, Direction] = ("egress", "ingress")
"""As a packet meets them."""


class Invalid(ValueError):
    """A part of a policy that its API refuses, or that nobody knows. One line."""


class Verdict(Enum):
    ACCEPT = "accept"
    DENY = "deny"
    NEXT = "next"
    """No decision: the next tier is asked."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedPort:
    name: str
    protocol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    verdict: Verdict
    """ACCEPT, DENY, or NEXT: leave this tier (Pass)."""
    peers: Term = EVERYBODY
    """The other side."""
    ports: Intervals = EVERY
    """Destination ports."""
    named: tuple[NamedPort, ...] = ()
    """Destination ports beside `ports` that have a name at the destination."""
    subject: Term | None = None
    """What the selected pod itself must meet, beside the policy's own selector."""
    doubt: str = ""
    """Why nobody can tell whether the rule matches where everything else does: layer 7 …"""
    where: str = ""
    """Which rule of the policy: `ingress[0]`, with its name if it has one."""


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Tier:
    """Tiers are asked in order; names and numbers are Calico's, which has a place for every kind."""

    order: float
    name: str


ADMIN = Tier(order=1_000, name="admin")
DEFAULT = Tier(order=1_000_000, name="default")
BASELINE = Tier(order=10_000_000, name="baseline")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Of one direction."""

    rules: tuple[Rule, ...] = ()
    isolates: bool = True
    """What no rule of the tier matches is denied, for the pods that the policy selects."""
    doubt: str = ""
    """Why nobody can tell whether they apply at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    kind: str
    """As kubectl knows it: NetworkPolicy, networkpolicies.crd.projectcalico.org …"""
    name: str
    namespace: str = ""
    tier: Tier = DEFAULT
    rank: tuple[float, str] = (1000.0, "")
    """Within the tier; of policies with equal rank nobody can say which is asked first."""
    subject: Term
    ingress: Rules | None = None
    """None: the policy does not touch that direction."""
    egress: Rules | None = None

    @property
    def key(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"

    def rules(self, direction: Direction) -> Rules | None:
        return self.ingress if direction == "ingress" else self.egress


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyProblem:
    """What is wrong with a policy. The rest of it is judged all the same."""

    policy: str
    where: str
    reason: str
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Compiled:
    policies: tuple[Policy, ...] = ()
    problems: tuple[PolicyProblem, ...] = ()


def unreadable(reason: str, *verdicts: Verdict, isolates: bool = False) -> Rules:
    """Of a policy or direction that may do anything; `verdicts`: that its kind can give."""
    rules = tuple(doubtful(verdict, reason, "") for verdict in verdicts)
    return Rules(rules=rules, isolates=isolates, doubt=reason)


def doubtful(verdict: Verdict, reason: str, where: str) -> Rule:
    """A rule of which only its verdict is known."""
    return Rule(verdict=verdict, peers=Undecided(EVERYBODY, reason), where=where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one side of a flow says."""

    verdict: Verdict
    """ACCEPT, DENY or UNKNOWN."""
    direction: Direction
    policy: str = ""
    """Its `Policy.key`; empty: none decided."""
    rule: str = ""
    because: str
    selecting: tuple[str, ...] = ()
    """All policies that select the pod for this direction, in the order in which they are asked."""
