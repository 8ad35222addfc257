"""A made-up cloud with one firewall around all machines: the first rule that fits decides, else it passes."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network

from kubectl_skoop.api import (
    Context,
    Detected,
    InfraFile,
    InfraShim,
    InputError,
    Level,
    Network,
    NodeInfo,
    NoOptions,
    NotCollected,
    NoVerdict,
    Packet,
    Place,
    Suspicion,
    Tracked,
    Wants,
    Where,
    raw,
)


class Examplecloud:
    name = "examplecloud"
    options = NoOptions
    wants = Wants()

    @classmethod
    def detect(cls, ctx: Context) -> Detected | None:
        for node in ctx.cluster.nodes():
            if node.provider_id.startswith("examplecloud://"):
                return Detected(cls.name, f"providerID of node {node.name}")
        return None

    def gather(self, ctx: Context, files: Sequence[InfraFile]) -> Mapping[str, object]:
        if not files:
            raise NoVerdict("examplecloud has no API", hint="give its rules with --infra")
        return {"rules": [rule for file in files for rule in rules_of(file)]}

    def create_network(self, ctx: Context) -> Network:
        return Network(plugin=ctx.plugin, shim=Firewall(lambda: ctx.source.infra(self.name)))


def rules_of(file: InfraFile) -> Sequence[Mapping[str, object]]:
    """`{"rules": [{"source": "0.0.0.0/0", "port": 22, "action": "deny", …}]}`; no more of it is kept."""
    try:
        rules = json.loads(file.content)["rules"]
        for rule in rules:
            ip_network(rule["source"])
        return [{key: rule[key] for key in ("source", "port", "action")} for rule in rules]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{file.name}: is no list of rules: {error!r}") from None


@dataclass(frozen=True)
class Firewall(InfraShim):
    """Stateful: the first packet of a connection decides."""

    section: Callable[[], Mapping[str, object] | NotCollected]

    def node_to_node(
        self, src: NodeInfo, oif: str, dst: NodeInfo, packet: Packet, tracked: Tracked
    ) -> Sequence[Suspicion]:
        return () if tracked.destination else self.judge(dst, packet)

    def external_to_node(self, dst: NodeInfo, packet: Packet, tracked: Tracked) -> Sequence[Suspicion]:
        return () if tracked.destination else self.judge(dst, packet)

    def kind_of(self, node: NodeInfo) -> str:
        """Nodes are all alike to it: `check` sends to each from one other."""
        return "machine"

    def judge(self, node: NodeInfo, packet: Packet) -> Sequence[Suspicion]:
        section, where = self.section(), Where(place=Place("node", node.name))
        if isinstance(section, NotCollected):
            reason = f"the rules of examplecloud are not known: {section}"
            return [
                Suspicion(
                    code="examplecloud.not-collected",
                    level=Level.WARNING,
                    where=where,
                    message=reason,
                    effect="unknown",
                )
            ]
        for rule in raw.items(section, "rules"):
            source, port = raw.text(rule, "source"), raw.number(rule, "port")
            if packet.src in ip_network(source) and packet.dport == port:
                if raw.text(rule, "action") == "allow":
                    return ()
                return [
                    Suspicion(
                        code="examplecloud.firewall",
                        level=Level.FATAL,
                        where=where,
                        message=f"the firewall denies {packet.src} port {port} of {packet.dst}",
                        evidence=(f"deny {port} from {source}",),
                        remedy="put an allow rule before this one",
                        effect="stops",
                    )
                ]
        return ()
