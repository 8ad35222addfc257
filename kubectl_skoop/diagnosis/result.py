"""What a diagnosis says. No clock, no file name, no "live" in it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, NamedTuple

from kubectl_skoop.model.packet import Address
from kubectl_skoop.model.path import PacketPath
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Suspicion

Verdict = Literal["reachable", "unreachable", "partial", "unknown"]
FateKind = Literal["served", "refused", "dropped", "unknown"]


class Target(NamedTuple):
    """Address and port that a connection was translated to."""

    address: Address
    port: int

    def __str__(self) -> str:
        return f"[{self.address}]:{self.port}" if self.address.version == 6 else f"{self.address}:{self.port}"


class Backends(NamedTuple):
    """How many of the backends that a flow is sent to do what; the last four add up to the first."""

    total: int
    answering: int
    sometimes: int
    """On some of the ways to them."""
    failing: int
    unknown: int

    def __str__(self) -> str:
        """`2 of 3 backends answer`."""
        if not self.answering and self.failing == self.total:
            return f"none of {self.total:,} backends answers"
        verb = "answers" if self.answering == 1 else "answer"
        told = f"{self.answering:,} of {self.total:,} backends {verb}"
        told += f", {self.sometimes:,} sometimes" if self.sometimes else ""
        return told + (f", {self.unknown:,} unknown" if self.unknown else "")


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
    backend: Target | None = None
    """Where a service's address was translated to."""


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
    """absent, forbidden, failed, timeout, not collected, lost."""
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.what}: {self.state}" + (f" ({self.reason})" if self.reason else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """The answer to one request."""

    request: Probe
    verdict: Verdict
    headline: str
    """One line: the answer, with a hole for large packets if there is one, backends and causes."""
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
    backends: Backends | None = None
    """None: the flow is sent to less than two."""


class Check(NamedTuple):
    """The result of `check`: findings without a flow."""

    suspicions: tuple[Suspicion, ...]
    facts: tuple[Fact, ...]
    missing: tuple[Missing, ...]
