"""Diagnoses made by hand, with defaults: a pod asks a service, whose backend is on another node."""

from dataclasses import replace
from fractions import Fraction
from ipaddress import ip_address

from kubectl_skoop.diagnosis.result import Check, Diagnosis, Ending, Fact, Missing, Verdict
from kubectl_skoop.model.packet import Packet, Protocol, TcpFlags
from kubectl_skoop.model.path import Action, ActionKind, Hop, Link, NetNode, PacketPath
from kubectl_skoop.model.place import Endpoint, Place, Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.model.trace import Trace

POD_A, POD_B = Place("pod", "default/a"), Place("pod", "shop/web-0")
NODE_1, NODE_2 = Place("node", "n1"), Place("node", "n2")
RULE = "-A FORWARD -s 10.244.1.0/24 -p tcp -m tcp --dport 8080 -j DROP"

SYN = Packet(
    src=ip_address("10.244.1.2"),
    dst=ip_address("10.96.0.10"),
    protocol=Protocol.TCP,
    sport=41000,
    dport=80,
    flags=TcpFlags.SYN,
    src_mac="02:00:00:00:00:01",
    dst_mac="02:00:00:00:00:02",
)
TRANSLATED = replace(SYN, dst=ip_address("10.244.2.3"), dport=8080, ttl=63)
OUTER = Packet(
    src=ip_address("192.168.0.1"),
    dst=ip_address("192.168.0.2"),
    protocol=Protocol.UDP,
    sport=49152,
    dport=8472,
    length=110,
    vni=1,
    inner=TRANSLATED,
)


def suspicion(
    code: str = "netfilter.drop",
    level: Level = Level.FATAL,
    *,
    where: Where | None = None,
    message: str = "rule 3 of FORWARD drops the packet",
    evidence: tuple[str, ...] = (RULE,),
    remedy: str = "iptables -D FORWARD 3",
) -> Suspicion:
    return Suspicion(
        code=code,
        level=level,
        where=where or Where(place=NODE_2, table="filter", chain="FORWARD", rule=3, hook="FORWARD"),
        message=message,
        evidence=evidence,
        remedy=remedy,
    )


def action(
    kind: ActionKind, input: int | None, outputs: tuple[int, ...] = (), *trace: Trace
) -> tuple[Action, ...]:
    return (Action(kind=kind, input=input, outputs=outputs, trace=trace),)


def path() -> PacketPath:
    met = Trace(
        kind="rule",
        where=Where(place=NODE_2, hook="FORWARD", table="filter", chain="FORWARD", rule=3),
        text=RULE,
        effect="drop",
    )
    return PacketPath(
        nodes=(
            NetNode(place=POD_A, actions=action("send", None, (0,))),
            NetNode(place=NODE_1, actions=action("service", 0, (1,))),
            NetNode(place=NODE_2, actions=action("drop", 1, (), met), suspicions=(suspicion(),)),
        ),
        links=(
            Link(id=0, kind="veth", source=POD_A, oif="eth0", hop=Hop(place=NODE_1, iif="veth1"), packet=SYN),
            Link(
                id=1, kind="infra", source=NODE_1, oif="ens3", hop=Hop(place=NODE_2, iif="ens3"), packet=OUTER
            ),
        ),
    )


def diagnosis(
    verdict: Verdict = "unreachable",
    headline: str = "unreachable: rule 3 of FORWARD on node n2 drops the packet",
    *,
    cause: Suspicion | None = None,
    suspicions: tuple[Suspicion, ...] | None = None,
    branches: tuple[Ending, ...] | None = None,
    missing: tuple[Missing, ...] = (),
    assumptions: tuple[str, ...] = (),
    reply: PacketPath | None = None,
) -> Diagnosis:
    cause = cause or (suspicion() if verdict in ("unreachable", "partial") else None)
    lost = {"unreachable": Fraction(1), "partial": Fraction(1, 3)}.get(verdict, Fraction(0))
    unknown = Fraction(verdict == "unknown")
    return Diagnosis(
        request=Probe(
            source=Endpoint("pod", "default/a", SYN.src),
            destination=Endpoint("service", "shop/web", SYN.dst),
            protocol=Protocol.TCP,
            dport=80,
        ),
        verdict=verdict,
        headline=headline,
        arrives=1 - lost - unknown,
        lost=lost,
        unknown=unknown,
        symptom="timeout" if cause else "answer",
        cause=cause,
        branches=branches or (ending(Fraction(1), cause),),
        suspicions=suspicions if suspicions is not None else ((cause,) if cause else ()),
        facts=(Fact(name="network plugin", value="flannel", source="daemonset kube-flannel"),),
        assumptions=assumptions,
        path=path(),
        reply=reply,
        missing=missing,
    )


def ending(share: Fraction, cause: Suspicion | None = None, *choices: str) -> Ending:
    return Ending(
        share=share,
        fate="dropped" if cause else "served",
        symptom="timeout" if cause else "answer",
        cause=cause,
        choices=choices,
        path=path(),
        reply=None,
    )


def check(*suspicions: Suspicion, missing: tuple[Missing, ...] = ()) -> Check:
    return Check(
        suspicions=suspicions,
        facts=(Fact(name="proxy mode", value="iptables", source="configmap kube-proxy"),),
        missing=missing,
    )
