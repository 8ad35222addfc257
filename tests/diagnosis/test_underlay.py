"""What the frame asks of a provider on a packet's way, and what it makes of the answers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from fractions import Fraction
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar

import pytest

from kubectl_skoop.api import (
    Address,
    Balanced,
    Context,
    Detected,
    InfraFile,
    InfraShim,
    Level,
    Network,
    NodeInfo,
    NoOptions,
    NotCollected,
    Packet,
    Suspicion,
    Tracked,
    Unknown,
    Wants,
    Where,
)
from kubectl_skoop.cluster.raw import Object, mapping, ref_of
from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.extension import registry
from kubectl_skoop.diagnosis.extension.entry_point import EntryPoint
from kubectl_skoop.diagnosis.request import Options, ProtocolName, Request
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.errors import InputError, NoVerdict
from kubectl_skoop.snapshot.assemble import assemble
from kubectl_skoop.snapshot.source import Snapshot, open_snapshot

SNAPSHOT = Path(__file__).parents[2] / "snapshots" / "healthy-vxlan.skoop"
CLIENT, BALANCER = "203.0.113.7", "198.51.100.80"
UNTRACKED = Tracked()
Asked = tuple[str, str, Tracked]
"""The method, the packet, where it is tracked."""


class Shim(InfraShim):
    """Notes what it is asked; answers what a test put in."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.stop: dict[str, Suspicion] = {}
        self.targets: Sequence[Balanced] | Unknown | None = None
        self.names: Sequence[Address] | Unknown = Unknown("nobody knows names")
        self.fails = False

    def _note(self, method: str, packet: Packet, tracked: Tracked) -> Sequence[Suspicion]:
        if self.fails:
            raise KeyError("secret")
        inner = packet.innermost
        what = "tunnel" if packet.inner else f"{inner.src} > {inner.dst}:{inner.dport}"
        self.asked.append((method, what, tracked))
        return [self.stop[method]] if method in self.stop else []

    def node_to_node(
        self, src: NodeInfo, oif: str, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._note(f"{src.name} to {dst.name}", packet, tracked)

    def node_to_external(
        self, src: NodeInfo, oif: str, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._note(f"{src.name} to outside", packet, tracked)

    def external_to_node(self, dst: NodeInfo, packet: Packet, tracked: Tracked) -> Sequence[Suspicion]:
        return self._note(f"outside to {dst.name}", packet, tracked)

    def external_to_load_balancer(self, packet: Packet) -> Sequence[Suspicion]:
        return self._note("outside to balancer", packet, UNTRACKED)

    def load_balancer_to_node(
        self, balancer: Address, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._note(f"balancer to {dst.name}", packet, tracked)

    def node_to_load_balancer(
        self, src: NodeInfo, oif: str, balancer: Address, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return self._note(f"{src.name} to balancer", packet, tracked)

    def balance(self, packet: Packet) -> Sequence[Balanced] | Unknown | None:
        return self.targets if str(packet.dst) == BALANCER else None

    def addresses_of(self, name: str) -> Sequence[Address] | Unknown:
        return self.names


class Made:
    """A provider with that shim."""

    name: ClassVar[str] = "made"
    options: ClassVar[type[NoOptions]] = NoOptions
    wants: ClassVar[Wants] = Wants()
    shim: ClassVar[Shim]

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        return None

    def gather(self, ctx: Context, files: Sequence[InfraFile]) -> dict[str, object]:
        return {}

    def create_network(self, ctx: Context) -> Network:
        return Network(plugin=ctx.plugin, shim=self.shim)


@pytest.fixture
def shim(monkeypatch: pytest.MonkeyPatch) -> Shim:
    Made.shim = Shim()
    ours = registry.installed
    entry = EntryPoint("made", f"{__name__}:Made", registry.PROVIDERS)
    monkeypatch.setattr(
        registry,
        "installed",
        lambda group: {**ours(group), **({"made": entry} if group == registry.PROVIDERS else {})},
    )
    return Made.shim


@pytest.fixture
def source() -> Iterator[Snapshot]:
    with closing(open_snapshot(SNAPSHOT)) as opened:
        yield opened


def ask(source: Snapshot, src: str, dst: str, port: str = "") -> Diagnosis:
    request = Request(source=src, destination=dst, port=port)
    return diagnose(source, request, Options(cloud_provider="made"))


def first(shim: Shim, what: str) -> Asked:
    return next(one for one in shim.asked if one[0] == what)


def stopping(effect: str = "stops") -> Suspicion:
    return Suspicion(
        code="made.firewall",
        level=Level.FATAL,
        where=Where(),
        message="the firewall says no",
        evidence=("rule 7",),
        remedy="ask the firewall nicely",
        effect="stops" if effect == "stops" else "unknown",
    )


def test_each_crossing_is_asked_and_answers_are_tracked(shim: Shim, source: Snapshot) -> None:
    assert ask(source, CLIENT, "node/n1", "10250").verdict == "reachable"
    assert shim.asked[0] == ("outside to n1", f"{CLIENT} > 10.0.0.1:10250", UNTRACKED)
    assert first(shim, "n1 to outside")[2] == Tracked(source=True)
    later = [tracked for what, _, tracked in shim.asked[1:] if what == "outside to n1"]
    assert Tracked(destination=True) in later


def test_a_tunnel_is_two_one_way_flows(shim: Shim, source: Snapshot) -> None:
    """The answer's outer packet goes to the tunnel's port again, not back to the port that it came from."""
    assert ask(source, "pod/default/a", "pod/default/b", "8080").verdict == "reachable"
    assert first(shim, "n1 to n2") == ("n1 to n2", "tunnel", UNTRACKED)
    assert first(shim, "n2 to n1") == ("n2 to n1", "tunnel", UNTRACKED)


@pytest.mark.parametrize("where", ["outside to n1", "n1 to n2", "n2 to n1", "n1 to outside"])
def test_a_finding_that_stops_is_the_cause_with_its_rule(shim: Shim, source: Snapshot, where: str) -> None:
    shim.stop[where] = stopping()
    diagnosis = ask(source, CLIENT, "svc/default/web")
    assert (diagnosis.verdict, diagnosis.symptom) == ("unreachable", "timeout")
    assert diagnosis.cause is not None
    assert (diagnosis.cause.code, diagnosis.cause.evidence[0]) == ("made.firewall", "rule 7")
    assert diagnosis.cause.remedy == "ask the firewall nicely"
    assert [one.code for one in diagnosis.suspicions].count("made.firewall") == 1


def test_a_finding_that_does_not_know_leaves_the_verdict_open(shim: Shim, source: Snapshot) -> None:
    shim.stop["outside to n1"] = stopping("unknown")
    diagnosis = ask(source, CLIENT, "node/n1", "10250")
    assert diagnosis.verdict == "unknown"
    assert diagnosis.cause is not None
    assert diagnosis.cause.message == "the firewall says no"


def test_a_provider_that_raises_makes_the_fate_unknown(shim: Shim, source: Snapshot) -> None:
    shim.fails = True
    diagnosis = ask(source, CLIENT, "node/n1", "10250")
    assert diagnosis.verdict == "unknown"
    assert diagnosis.cause is not None
    assert diagnosis.cause.code == "provider.failed"


@contextmanager
def remade(source: Snapshot, path: Path, change: Callable[[Object], Object]) -> Iterator[Snapshot]:
    """The snapshot with other objects."""
    changed: dict[str, list[Object]] = {}
    for kind in source.kinds():
        found = source.objects(kind)
        assert not isinstance(found, NotCollected)
        changed[kind] = [change(item) for item in found]
    assemble([SNAPSHOT], changed, path, time=1.0)
    with closing(open_snapshot(path)) as opened:
        yield opened


@pytest.fixture
def balanced(tmp_path: Path, source: Snapshot) -> Iterator[Snapshot]:
    """The service `web` is of type LoadBalancer, and its status has a host name."""
    with remade(source, tmp_path / "s", lambda item: web(item, {"hostname": "web.lb.example"})) as opened:
        yield opened


def web(item: Object, ingress: Mapping[str, str]) -> Object:
    ref = ref_of(item)
    if (ref.kind, ref.name) != ("Service", "web"):
        return item
    status = {"loadBalancer": {"ingress": [ingress]}}
    return {**item, "spec": {**mapping(item, "spec"), "type": "LoadBalancer"}, "status": status}


@pytest.mark.parametrize("asked", ["svc/default/web", BALANCER], ids=["by the service", "by its address"])
def test_a_load_balancer_translates_there_and_back(shim: Shim, balanced: Snapshot, asked: str) -> None:
    shim.names = [ip_address(BALANCER)]
    shim.targets = [Balanced(Fraction(1), ip_address("10.0.0.2"), 30080)]
    diagnosis = ask(balanced, CLIENT, asked, "80")
    assert diagnosis.verdict == "reachable"
    assert [str(node.place) for node in diagnosis.path.nodes][:3] == [
        f"external/{CLIENT}",
        f"lb/{BALANCER}",
        "node/n2",
    ]
    assert first(shim, "outside to balancer")[1] == f"{CLIENT} > {BALANCER}:80"
    assert first(shim, "balancer to n2")[1] == f"{CLIENT} > 10.0.0.2:30080"
    assert first(shim, "n2 to balancer")[2] == Tracked(source=True)


def test_a_load_balancer_may_speak_with_an_address_of_its_own(shim: Shim, balanced: Snapshot) -> None:
    shim.targets = [Balanced(Fraction(1), ip_address("10.0.0.2"), 30080, ip_address("10.0.0.200"))]
    assert ask(balanced, CLIENT, BALANCER, "80").verdict == "reachable"
    assert first(shim, "balancer to n2")[1] == "10.0.0.200 > 10.0.0.2:30080"


def test_a_target_that_fails_is_its_share(shim: Shim, balanced: Snapshot) -> None:
    shim.targets = [
        Balanced(Fraction(2, 3), ip_address("10.0.0.2"), 30080),
        Balanced(Fraction(1, 3), ip_address("10.0.0.1"), 30081),
    ]
    diagnosis = ask(balanced, CLIENT, BALANCER, "80")
    assert (diagnosis.verdict, diagnosis.lost) == ("partial", Fraction(1, 3))
    assert diagnosis.symptom == "connection refused"


@pytest.mark.parametrize(
    ("targets", "verdict", "code"),
    [
        pytest.param([], "unreachable", "balancer.no-target", id="no target"),
        pytest.param(Unknown("not told"), "unknown", "external.unknown", id="nobody knows them"),
        pytest.param(
            [Balanced(Fraction(1), ip_address("10.9.9.9"), 80)],
            "unknown",
            "external.unknown",
            id="a target that no node has",
        ),
    ],
)
def test_a_load_balancer_without_a_way_on(
    shim: Shim, balanced: Snapshot, targets: Sequence[Balanced] | Unknown, verdict: str, code: str
) -> None:
    shim.targets = targets
    diagnosis = ask(balanced, CLIENT, BALANCER, "80")
    assert diagnosis.cause is not None
    assert (diagnosis.verdict, diagnosis.cause.code) == (verdict, code)


def test_a_load_balancer_whose_addresses_nobody_knows_gives_no_verdict(
    shim: Shim, balanced: Snapshot
) -> None:
    with pytest.raises(NoVerdict, match=r"load balancer web\.lb\.example: nobody knows names"):
        ask(balanced, CLIENT, "svc/default/web")


@pytest.mark.parametrize(
    ("src", "dst", "message"),
    [
        (CLIENT, "192.0.2.1", "neither 203.0.113.7 nor 192.0.2.1 is part of the cluster"),
        ("svc/default/web", "pod/default/a", "a packet can only be walked from a pod, a node or"),
        (CLIENT, "svc/default/nobody", "there is no service"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    shim: Shim, source: Snapshot, src: str, dst: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        ask(source, src, dst, "80")


@pytest.mark.parametrize("asked", ["svc/default/self", "10.96.0.10"], ids=["of no other kind", "as it is"])
def test_a_cluster_address_has_no_way_in(shim: Shim, source: Snapshot, asked: str) -> None:
    """`web`, whose address is asked here, has a node port, too."""
    diagnosis = ask(source, CLIENT, asked, "80")
    assert (diagnosis.verdict, diagnosis.symptom) == ("unreachable", "timeout")
    assert diagnosis.cause is not None
    assert diagnosis.cause.code == "external.no-route"


@pytest.mark.parametrize(
    ("mode", "verdict", "message"),
    [
        pytest.param("VIP", "unreachable", "", id="the nodes have no rule for it: refused by each"),
        pytest.param("Proxy", "unknown", "sends a connection is not known", id="it sends to node ports"),
    ],
)
def test_a_load_balancer_that_no_provider_knows(
    shim: Shim, source: Snapshot, tmp_path: Path, mode: str, verdict: str, message: str
) -> None:
    ingress = {"ip": BALANCER, "ipMode": mode}
    with remade(source, tmp_path / "s", lambda item: web(item, ingress)) as opened:
        diagnosis = ask(opened, CLIENT, "svc/default/web")
    assert diagnosis.cause is not None
    assert diagnosis.verdict == verdict, diagnosis.headline
    assert message in diagnosis.cause.message


PUBLIC = "198.51.100.1"


def _with_public_address(item: Object) -> Object:
    if (ref_of(item).kind, ref_of(item).name) != ("Node", "n1"):
        return item
    addresses = [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "ExternalIP", "address": PUBLIC}]
    return {**item, "status": {**mapping(item, "status"), "addresses": addresses}}


@pytest.mark.parametrize(
    ("port", "protocol", "symptom"),
    [("30080", "tcp", "answer"), ("", "icmp", "answer"), ("9", "udp", "connection refused")],
    ids=["a connection", "an echo", "an error about what was sent"],
)
def test_a_nodes_public_address_is_translated_both_ways(
    shim: Shim, source: Snapshot, tmp_path: Path, port: str, protocol: ProtocolName, symptom: str
) -> None:
    with remade(source, tmp_path / "s", _with_public_address) as opened:
        request = Request(source=CLIENT, destination=PUBLIC, port=port, protocol=protocol)
        diagnosis = diagnose(opened, request, Options(cloud_provider="made"))
    assert diagnosis.symptom == symptom
    assert f"{PUBLIC}, which no device of n1 has, is translated to its 10.0.0.1" in diagnosis.assumptions
    assert diagnosis.path.nodes[0].place.name == CLIENT
