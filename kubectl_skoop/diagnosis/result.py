"""What a diagnosis says. No clock, no file name, no "live" in it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from kubectl_skoop.model.path import PacketPath
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Suspicion

Verdict = Literal["reachable", "unreachable", "partial", "unknown"]
FateKind = Literal["served", "refused", "dropped", "unknown"]


class Ending(NamedTuple):
    """How one branch of the round trip ends."""

    share: Fraction
    fate: FateKind
    symptom: str
    """What the sender sees: `answer`, `timeout`, `connection refused`, `no route to host` …"""
    cause: Suspicion | None
    choices: tuple[str, ...]
    """The random decisions of this branch, as text ("KUBE-SVC-X: 1/3 to KUBE-SEP-A")."""
    path: PacketPath
    reply: PacketPath | None


class Fact(NamedTuple):
    """Something detected: the plugin, the proxy mode, a default of the request."""

    name: str
    value: str
    source: str


class Missing(NamedTuple):
    """Data that was not there."""

    what: str
    """`node/n2`, `n1/host/ipset` …"""
    state: str
    """absent, forbidden, failed, timed out, not collected."""
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The answer to one request."""

    request: Probe
    verdict: Verdict
    headline: str
    """One line: the answer, with a hole for large packets if there is one."""
    arrives: Fraction
    lost: Fraction
    unknown: Fraction
    symptom: str
    cause: Suspicion | None
    branches: tuple[Ending, ...]
    """Largest share first."""
    suspicions: tuple[Suspicion, ...]
    """All findings, the cause among them, worst first."""
    facts: tuple[Fact, ...]
    assumptions: tuple[str, ...]
    path: PacketPath
    """Of the branch that the cause is taken from, else of the largest."""
    reply: PacketPath | None
    missing: tuple[Missing, ...]


class Check(NamedTuple):
    """The result of `check`: findings without a flow."""

    suspicions: tuple[Suspicion, ...]
    facts: tuple[Fact, ...]
    missing: tuple[Missing, ...]
