"""Questions that stand for all: is another snapshot's answer to each of them the same?"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.pod import PodInfo
from kubectl_skoop.diagnosis.diagnose import Desk
from kubectl_skoop.diagnosis.request import Options, ProtocolName, Request
from kubectl_skoop.model.errors import SkoopError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.source import Snapshot

PAIRS = 200
MOST = 1000
"""Questions about services; of more a sample is asked."""
ECHOES = 0.3
"""Of the pairs whose receiver listens."""
_PROTOCOLS: dict[str, ProtocolName] = {"TCP": "tcp", "UDP": "udp", "SCTP": "sctp"}


class Answer(NamedTuple):
    """What must be the same: not the words, for these hold names."""

    verdict: str
    """`error` where the question cannot be asked."""
    symptom: str
    shares: str
    """Of connections that arrive, are lost, and are unknown."""


class Difference(NamedTuple):
    """A question that two snapshots answer differently."""

    request: Request
    before: Answer
    after: Answer


class Comparison(NamedTuple):
    services: int
    """Questions asked about services."""
    possible: int
    """All that there are of these."""
    pairs: int
    unanswered: int
    """Of all questions those that the first snapshot has no verdict for."""
    different: tuple[Difference, ...]


def compare(
    before: Snapshot,
    after: Snapshot,
    renamed: Callable[[Request], Request],
    seed: int,
    pairs: int = PAIRS,
    most: int = MOST,
    options: Options | None = None,
) -> Comparison:
    """`renamed`: the question in the words of the second snapshot. Raises: PluginError."""
    cluster, chance = Cluster(before), random.Random(seed)
    about_services = list(service_questions(cluster))
    possible = len(about_services)
    if possible > most:
        about_services = [about_services[place] for place in sorted(chance.sample(range(possible), most))]
    about_pairs = list(islice(pair_questions(before, cluster, chance), pairs))
    asked = options or Options()
    different, unanswered = [], 0
    desks = Desk(before, asked), Desk(after, asked)
    for request in (*about_services, *about_pairs):
        first, second = answer(desks[0], request), answer(desks[1], renamed(request))
        unanswered += first.verdict in ("unknown", "error")
        if first != second:
            different.append(Difference(request, first, second))
    return Comparison(len(about_services), possible, len(about_pairs), unanswered, tuple(different))


def answer(desk: Desk, request: Request) -> Answer:
    try:
        found = desk.answer(request)
    except SkoopError as error:
        return Answer("error", type(error).__name__, "")
    return Answer(found.verdict, found.symptom, f"{found.arrives} {found.lost} {found.unknown}")


def service_questions(cluster: Cluster) -> Iterator[Request]:
    """Each port of each service, from one pod of each node."""
    senders = _one_a_node(cluster.pods())
    for service in cluster.services():
        for port in service.ports:
            for pod in senders:
                yield Request(
                    source=f"pod/{pod.key}",
                    destination=f"svc/{service.key}",
                    port=str(port.port),
                    protocol=_PROTOCOLS.get(port.protocol, "tcp"),
                )


def pair_questions(source: Snapshot, cluster: Cluster, chance: random.Random) -> Iterator[Request]:
    """Pairs of pods and nodes in an order by chance, each once: an echo, or a port that is listened on."""
    places = [Place("pod", pod.key) for pod in cluster.pods()]
    places += [Place("node", node.name) for node in cluster.nodes()]
    tried: set[tuple[int, int]] = set()
    while len(tried) < len(places) * (len(places) - 1):
        pair = chance.randrange(len(places)), chance.randrange(len(places))
        if pair[0] == pair[1] or pair in tried:
            continue
        tried.add(pair)
        sender, receiver = (places[place] for place in pair)
        ports = _listening(source, receiver)
        echo = not ports or chance.random() < ECHOES
        yield Request(
            source=str(sender),
            destination=str(receiver),
            port="" if echo else str(chance.choice(ports)),
            protocol="icmp" if echo else "tcp",
        )


def _listening(source: Snapshot, place: Place) -> list[int]:
    namespace = source.namespace(place)
    sockets = () if isinstance(namespace, NotCollected) else namespace.sockets
    return sorted({one.port for one in sockets if one.state == "listen" and one.protocol == Protocol.TCP})


def _one_a_node(pods: Sequence[PodInfo]) -> list[PodInfo]:
    """Not one in the node's own namespace, where there is another."""
    found: dict[str, PodInfo] = {}
    for pod in sorted(pods, key=lambda pod: (pod.host_network, pod.key)):
        if pod.node:
            found.setdefault(pod.node, pod)
    return [found[node] for node in sorted(found)]
