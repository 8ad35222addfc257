"""Questions that stand for all: is another snapshot's answer to each of them the same?"""

import random
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle, islice
from typing import NamedTuple, overload

from kubectl_skoop.cluster.cluster import Cluster
from kubectl_skoop.cluster.pod import PodInfo
from kubectl_skoop.cluster.service import service_info
from kubectl_skoop.diagnosis.diagnose import Desk
from kubectl_skoop.diagnosis.garbage import searched_often
from kubectl_skoop.diagnosis.request import Options, ProtocolName, Request
from kubectl_skoop.model.errors import SkoopError
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Protocol
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.limits import MIB
from kubectl_skoop.snapshot.source import Snapshot

PAIRS = 200
MOST = 1000
"""Questions about services; of more a sample is asked, with as many services and senders as fit."""
MOST_KEPT = 24 * MIB
"""Raw bytes of namespaces, which take twice as many decoded and more: two nodes with 60,000 rules and the
routes and neighbours of 5,000 others, between which a question goes to and fro."""
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


Watch = Callable[[str, str], None]
"""Is told what is asked, and how far that is."""


def compare(
    before: Snapshot,
    after: Snapshot,
    renamed: Callable[[Request], Request],
    seed: int,
    pairs: int = PAIRS,
    most: int = MOST,
    options: Options | None = None,
    watch: Watch = lambda what, progress: None,
) -> Comparison:
    """`renamed`: the question in the words of the second snapshot. Raises: PluginError.

    The first is asked everything, then the second; questions of one sender's node follow each other. What was
    read of the first is gone before the second is asked.
    """
    asked = options or Options()
    desk, chance = _desk(before, asked), random.Random(seed)
    about_services = ServiceQuestions(desk.cluster)
    chosen = about_services.sample(most, chance)
    about_pairs = list(islice(pair_questions(desk.source, desk.cluster, chance), pairs))
    requests = [*map(about_services.__getitem__, chosen), *about_pairs]
    first = _answers(desk, requests, lambda number: watch("the original", _progress(number, requests)))
    del desk
    second = _answers(
        _desk(after, asked),
        list(map(renamed, requests)),
        lambda number: watch("the new file", _progress(number, requests)),
    )
    answers = list(zip(requests, first, second, strict=True))
    return Comparison(
        services=len(chosen),
        possible=len(about_services),
        pairs=len(about_pairs),
        unanswered=sum(one.verdict in ("unknown", "error") for one in first),
        different=tuple(Difference(*each) for each in answers if each[1] != each[2]),
    )


def _desk(source: Snapshot, options: Options) -> Desk:
    """With a view of the file of its own, which keeps little, and nothing when the desk is gone."""
    own = Snapshot(source.file)
    own.keep_at_most(MOST_KEPT)
    return Desk(own, options)


def _answers(desk: Desk, requests: Sequence[Request], watch: Callable[[int], None]) -> list[Answer]:
    desk.cluster.pods()
    answers = []
    with searched_often():
        for number, request in enumerate(requests, 1):
            watch(number)
            answers.append(answer(desk, request))
    return answers


def _progress(number: int, requests: Sequence[Request]) -> str:
    return f"is asked, {number:,} of {len(requests):,}"


def answer(desk: Desk, request: Request) -> Answer:
    try:
        found = desk.fate(request)
    except SkoopError as error:
        return Answer("error", type(error).__name__, "")
    arrives, lost, unknown = found.shares
    return Answer(found.verdict, found.symptom, f"{arrives} {lost} {unknown}")


class ServiceQuestions(Sequence[Request]):
    """Each port of each service, from one pod of each node, by these; made when they are asked for."""

    def __init__(self, cluster: Cluster) -> None:
        self._senders = _one_a_node(cluster.pods())
        services = cluster.each("Service", service_info)
        self._ports = [(service.key, port) for service in services for port in service.ports]

    def __len__(self) -> int:
        return len(self._senders) * len(self._ports)

    @overload
    def __getitem__(self, at: int) -> Request: ...
    @overload
    def __getitem__(self, at: slice) -> list[Request]: ...
    def __getitem__(self, at: int | slice) -> Request | list[Request]:
        if isinstance(at, slice):
            return [self._question(one) for one in range(*at.indices(len(self)))]
        return self._question(range(len(self))[at])

    def sample(self, most: int, chance: random.Random) -> Sequence[int]:
        """Places of questions, all if they are no more.

        No service, and no sender, comes again before all others came.
        """
        if len(self) <= most:
            return range(len(self))
        count = len(self._ports)
        chosen: dict[int, None] = {}
        while len(chosen) < most:
            ports = chance.sample(range(count), count)
            senders = chance.sample(range(len(self._senders)), len(self._senders))
            pairs = islice(zip(cycle(senders), cycle(ports), strict=True), max(count, len(senders)))
            chosen |= dict.fromkeys(sender * count + port for sender, port in pairs)
        return sorted(islice(chosen, most))

    def _question(self, at: int) -> Request:
        sender, place = divmod(at, len(self._ports))
        service, port = self._ports[place]
        return Request(
            source=f"pod/{self._senders[sender].key}",
            destination=f"svc/{service}",
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
