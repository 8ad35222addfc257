"""Conntrack entries that lead to what is no endpoint of their service any more.

The rules are asked for the first packet only, so each entry keeps its connection where it was sent. Which of
them does harm depends on the protocol and on who is still there.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from kubectl_skoop.cluster.service import Service
from kubectl_skoop.diagnosis.extension.context import Context
from kubectl_skoop.diagnosis.services.door import Target
from kubectl_skoop.diagnosis.services.meaning import Wanted
from kubectl_skoop.diagnosis.services.sources import Networks
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Address, Protocol
from kubectl_skoop.model.place import Place, Where
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.netstack.conntrack_types import ConntrackEntry, Tuple
from kubectl_skoop.netstack.namespace import NetworkNamespace
from kubectl_skoop.netstack.netfilter.conntrack import IPS_ASSURED

_NAMES: Mapping[int, str] = {Protocol.TCP: "tcp", Protocol.UDP: "udp", Protocol.SCTP: "sctp"}


@dataclass(frozen=True)
class Ends:
    """Who is still there of a connection, as objects and sockets tell."""

    ctx: Context
    pods: Networks
    """Of all pods."""

    def lost_target(self, service: Service, address: Address) -> bool:
        """It was a pod's, and nobody has it now. A kernel that is there would answer with a RST, if it does
        not know the connection; an endpoint that drains is still a pod."""
        was_pod = bool(service.selector) or self.pods.of(address) is not None
        return was_pod and self._knows_pods and self.ctx.cluster.endpoint(address).kind == "external"

    def lost_client(self, original: Tuple) -> bool:
        """Nobody waits for an answer: there is no such pod any more, or it has no such TCP socket."""
        owner = self.ctx.cluster.endpoint(original.src)
        if owner.kind not in ("pod", "node"):
            return self._knows_pods and self.pods.of(original.src) is not None
        ns = self.ctx.namespace(Place("pod" if owner.kind == "pod" else "node", owner.name))
        if isinstance(ns, NotCollected) or "sockets" in ns.gaps or original.protocol != Protocol.TCP:
            return False
        return not any(
            (one.local, one.port, one.remote, one.remote_port)
            == (original.src, original.sport, original.dst, original.dport)
            for one in ns.sockets
        )

    @cached_property
    def _knows_pods(self) -> bool:
        return bool(self.ctx.cluster.pods())


def stale_connections(
    ns: NetworkNamespace, place: Place, wanted: Sequence[Wanted], ends: Ends
) -> Iterator[Suspicion]:
    """One finding for each door and target.

    UDP: every entry, as kube-proxy removes those (conntrack.CleanStaleEntries) and what a client sends again
    and again renews them. TCP and SCTP: kube-proxy leaves them, and the kernel keeps them for days, which is
    harmless but where a client still waits for a target that is gone.
    """
    if not ns.conntrack:
        return
    doors = {(each.door.address, each.door.port, each.door.protocol): each for each in wanted if each.usable}
    node_ports = {
        (port, protocol, address.version): each
        for (address, port, protocol), each in doors.items()
        if each.door.kind == "node-port"
    }
    told: dict[tuple[str, Target], list[ConntrackEntry]] = {}
    for entry in ns.conntrack:
        original = entry.original
        protocol = _NAMES.get(original.protocol, "")
        each = doors.get((original.dst, original.dport, protocol))
        if each is None and original.dst in ns.local_addresses:
            each = node_ports.get((original.dport, protocol, original.dst.version))
        if each is None:
            continue
        target = Target(entry.reply.src, entry.reply.sport)
        if target not in each.known and _does_harm(entry, each.service, ends):
            told.setdefault((f"service {each.service.key} at {each.door}", target), []).append(entry)
    for (what, target), entries in told.items():
        yield _finding(what, target, entries, place)


def _does_harm(entry: ConntrackEntry, service: Service, ends: Ends) -> bool:
    original, reply = entry.original, entry.reply
    match original.protocol:
        case Protocol.UDP:
            return True
        case Protocol.TCP:
            alive = entry.tcp_state == "ESTABLISHED"
        case _:
            alive = bool(entry.status & IPS_ASSURED)
    translated = (reply.src, reply.sport) != (original.dst, original.dport)
    return alive and translated and ends.lost_target(service, reply.src) and not ends.lost_client(original)


def _finding(what: str, target: Target, entries: Sequence[ConntrackEntry], place: Place) -> Suspicion:
    original, reply = entries[0].original, entries[0].reply
    name = _NAMES[original.protocol]
    many = f", and {len(entries) - 1} more" if len(entries) > 1 else ""
    client = Target(original.src, original.sport)
    if target == Target(original.dst, original.dport):
        message = f"{what}: UDP packets from {client}{many} are not translated"
    elif original.protocol == Protocol.UDP:
        message = f"{what}: UDP packets from {client}{many} lead to {target}, which is no endpoint"
    else:
        message = (
            f"{what}: {name.upper()} connections from {client}{many} lead to {target}, an address that "
            "nobody has any more: their clients wait for it in vain; new connections go elsewhere"
        )
    return Suspicion(
        code="conntrack.stale",
        level=Level.WARNING,
        where=Where(place=place),
        message=message,
        evidence=(
            f"src={original.src} dst={original.dst} sport={original.sport} dport={original.dport} → "
            f"src={reply.src} sport={reply.sport}",
        ),
        remedy=f"conntrack -D -p {name} --orig-dst {original.dst} --orig-port-dst {original.dport} "
        f"--reply-src {reply.src}",
    )
