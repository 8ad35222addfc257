"""`check` of the underlay: what the provider finds without a packet, and what stops pods between nodes.

To each node a connection is walked from one node of each kind that the provider tells apart, from a pod to a
pod, so that what is judged are the packets that the nodes' kernels make: in a tunnel, translated, or as sent.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import NamedTuple

from kubectl_skoop.cluster.objects import NodeInfo, PodInfo
from kubectl_skoop.diagnosis.extension.guard import FAILURES, told
from kubectl_skoop.diagnosis.extension.interface import InfraShim
from kubectl_skoop.diagnosis.extension.registry import Setup
from kubectl_skoop.diagnosis.request import Request
from kubectl_skoop.diagnosis.resolve import resolve_request
from kubectl_skoop.diagnosis.result import Fact
from kubectl_skoop.diagnosis.walk.fan_out import fan_out
from kubectl_skoop.diagnosis.walk.flow import Setting, outcome
from kubectl_skoop.diagnosis.walk.shim import FAILED, Underlay
from kubectl_skoop.diagnosis.walk.stage import stage
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion

MAX_PAIRS = 512
"""Pairs of nodes between which a connection is walked."""
MAX_NAMED = 5
"""Pairs that a finding names."""
ANY_PORT = 80
"""Asked where nobody listens: whether the underlay carries it is the same question."""


class Pair(NamedTuple):
    """Two nodes, by a pod of each."""

    source: PodInfo
    target: PodInfo

    def __str__(self) -> str:
        return f"{self.source.node} to {self.target.node}"


class Asked(NamedTuple):
    """What the underlay was asked, and what came of it."""

    findings: tuple[Suspicion, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One finding, and between which nodes."""

    finding: Suspicion
    pair: Pair | None = None


class UnderlayCheck:
    """What is gathered while nodes are read, one after another."""

    def __init__(self, setup: Setup, pods: Mapping[str, Sequence[PodInfo]]) -> None:
        """`pods`: with a network of their own, by the names of the nodes that were collected."""
        self._setup = setup
        self._pods = pods
        self._failed: list[Suspicion] = []

    def see(self, name: str) -> None:
        """A node that was collected."""
        node = self._setup.ctx.node(name)
        if node is None or self._failed:
            return
        try:
            self._setup.network.shim.see(self._setup.ctx, node)
        except FAILURES as error:
            self._failed.append(_failure(self._setup, error))

    def asked(self) -> Asked:
        """After all nodes."""
        setup, seen = self._setup, [_Seen(finding) for finding in self._failed]
        pairs: list[Pair] = []
        left_out = False
        try:
            if not self._failed:
                seen += [_Seen(finding) for finding in setup.network.shim.of_cluster(setup.ctx)]
            every = list(islice(_pairs(setup, self._pods), MAX_PAIRS + 1))
            pairs, left_out = every[:MAX_PAIRS], len(every) > MAX_PAIRS
        except FAILURES as error:
            seen.append(_Seen(_failure(setup, error)))
        for pair in pairs:
            seen += [_Seen(finding, pair) for finding in _between(setup, pair)]
        more = Fact(name="node pairs asked", value=str(MAX_PAIRS), source="there are more")
        return Asked(tuple(_each_once(seen)), (more,) if left_out else ())


def _pairs(setup: Setup, pods: Mapping[str, Sequence[PodInfo]]) -> Iterator[Pair]:
    """Senders of one kind take turns."""
    nodes = [node for name in pods if pods[name] and (node := setup.ctx.node(name)) is not None]
    kinds = _kinds(setup.network.shim, nodes)
    for position, target in enumerate(nodes):
        for senders in kinds:
            others = (senders[(position + step) % len(senders)] for step in (1, 2))
            sender = next((one for one in others if one.name != target.name), None)
            if sender is not None:
                yield Pair(pods[sender.name][0], pods[target.name][0])


def _kinds(shim: InfraShim, nodes: Iterable[NodeInfo]) -> list[list[NodeInfo]]:
    by_kind: dict[str, list[NodeInfo]] = {}
    for node in nodes:
        by_kind.setdefault(shim.kind_of(node), []).append(node)
    return [found for kind, found in by_kind.items() if kind]


def _between(setup: Setup, pair: Pair) -> Iterator[Suspicion]:
    """What the provider says of a new connection, which nobody asked about: warnings at most."""
    request = Request(
        source=f"pod/{pair.source.key}",
        destination=f"pod/{pair.target.key}",
        port=str(_port(setup, pair.target)),
    )
    underlay = Underlay(setup.network.shim, setup.ctx.node)
    probe = resolve_request(setup.ctx.cluster, request).probe
    runner = stage(setup, underlay, probe).runner
    for way in fan_out(lambda choices: runner.run(probe, Setting(), choices), outcome):
        branch = way.result.branch
        yield from (finding for finding in branch.findings if _of_provider(setup, finding))
        for loss in branch.losses():
            if _of_provider(setup, loss.because):
                level = Level.WARNING if loss.unknown is None else Level.INFO
                yield replace(loss.because, level=level)


def _of_provider(setup: Setup, finding: Suspicion) -> bool:
    return finding.code == FAILED or finding.code.startswith(f"{_provider(setup)}.")


def _provider(setup: Setup) -> str:
    return next(fact.value for fact in setup.facts if fact.name == "cloud provider")


def _port(setup: Setup, pod: PodInfo) -> int:
    """One where the pod listens for TCP."""
    ns = setup.ctx.namespace(Place("pod", pod.key))
    if isinstance(ns, NotCollected):
        return ANY_PORT
    ports = (one.port for one in ns.sockets if one.protocol == Protocol.TCP and one.state == "listen")
    return next(ports, ANY_PORT)


def _each_once(seen: Iterable[_Seen]) -> Iterator[Suspicion]:
    """One rule, route or setting is one finding, however many nodes it parts."""
    by_rule: dict[tuple[str, tuple[str, ...]], list[_Seen]] = {}
    for one in seen:
        key = one.finding.evidence or (one.finding.message, str(one.finding.where))
        by_rule.setdefault((one.finding.code, key), []).append(one)
    for group in by_rule.values():
        pairs = list(dict.fromkeys(str(one.pair) for one in group if one.pair is not None))
        nodes = (Place("node", end.node) for one in group if one.pair is not None for end in one.pair)
        first = group[0].finding
        yield replace(
            first,
            evidence=(*first.evidence, *_named(pairs)),
            about=tuple(dict.fromkeys((*first.about, *nodes))),
        )


def _named(pairs: Sequence[str]) -> Sequence[str]:
    if not pairs:
        return ()
    more = f", and {len(pairs) - MAX_NAMED} pairs of nodes more" if len(pairs) > MAX_NAMED else ""
    return (f"from {', '.join(pairs[:MAX_NAMED])}{more}",)


def _failure(setup: Setup, error: BaseException) -> Suspicion:
    return Suspicion(
        code=FAILED,
        level=Level.WARNING,
        where=Where(),
        message=f"the provider {_provider(setup)} failed, so the underlay was not checked: {told(error)}",
        remedy="report this to the author of the provider; --cloud-provider generic does without it",
    )
