"""A Diagnosis or Check as plain maps and lists: what `-o json` and `-o yaml` print.

`docs/json.md` describes every field, `schema.json` in this package is the schema. Fields that do not apply
are left out of packets and places; everywhere else they are there, null or empty.
"""

from kubectl_skoop.diagnosis.result import Check, Diagnosis, Ending, Fact, Missing
from kubectl_skoop.model.packet import Arp, Frame, Packet, Protocol, TcpFlags
from kubectl_skoop.model.path import Action, Link, NetNode, PacketPath
from kubectl_skoop.model.place import Endpoint, Place, Where
from kubectl_skoop.model.probe import Probe
from kubectl_skoop.model.suspicion import Suspicion
from kubectl_skoop.model.trace import Trace

API_VERSION = "skoop/v1"

Fields = dict[str, object]

_PROTOCOLS = {int(protocol): protocol.name.lower() for protocol in Protocol}


def diagnosis_fields(diagnosis: Diagnosis) -> Fields:
    return {
        "apiVersion": API_VERSION,
        "kind": "Diagnosis",
        "request": _request(diagnosis.request),
        "verdict": diagnosis.verdict,
        "headline": diagnosis.headline,
        "shares": {
            "arrives": float(diagnosis.arrives),
            "lost": float(diagnosis.lost),
            "unknown": float(diagnosis.unknown),
        },
        "symptom": diagnosis.symptom,
        "cause": _cause(diagnosis.cause),
        "branches": [_branch(ending) for ending in diagnosis.branches],
        "suspicions": [suspicion_fields(suspicion) for suspicion in diagnosis.suspicions],
        "facts": [_fact(fact) for fact in diagnosis.facts],
        "assumptions": list(diagnosis.assumptions),
        "path": _path(diagnosis.path),
        "reply": _path(diagnosis.reply) if diagnosis.reply else None,
        "missing": [_missing(gap) for gap in diagnosis.missing],
        "backends": diagnosis.backends._asdict() if diagnosis.backends else None,
    }


def check_fields(check: Check) -> Fields:
    return {
        "apiVersion": API_VERSION,
        "kind": "Check",
        "suspicions": [suspicion_fields(suspicion) for suspicion in check.suspicions],
        "facts": [_fact(fact) for fact in check.facts],
        "missing": [_missing(gap) for gap in check.missing],
    }


def _request(probe: Probe) -> Fields:
    return {
        "source": _endpoint(probe.source),
        "destination": _endpoint(probe.destination),
        "protocol": protocol_name(probe.protocol),
        "port": probe.dport,
        "sourcePort": probe.sport,
        "size": probe.size,
        "df": probe.df,
        "uid": probe.owner.uid,
        "gid": probe.owner.gid,
    }


def _endpoint(endpoint: Endpoint) -> Fields:
    return {"kind": endpoint.kind, "name": endpoint.name, "address": str(endpoint.address)}


def protocol_name(number: int) -> str:
    """`tcp`, or the number where IANA's table has no name that is known here."""
    return _PROTOCOLS.get(number, str(number))


def _branch(ending: Ending) -> Fields:
    return {
        "share": float(ending.share),
        "fate": ending.fate,
        "symptom": ending.symptom,
        "cause": _cause(ending.cause),
        "choices": list(ending.choices),
        "backend": str(ending.backend) if ending.backend else None,
    }


def _cause(suspicion: Suspicion | None) -> Fields | None:
    return suspicion_fields(suspicion) if suspicion else None


def suspicion_fields(suspicion: Suspicion) -> Fields:
    return {
        "code": suspicion.code,
        "level": suspicion.level.name.lower(),
        "where": _where(suspicion.where),
        "message": suspicion.message,
        "evidence": list(suspicion.evidence),
        "remedy": suspicion.remedy,
    }


def _place(place: Place | None) -> Fields:
    return {"kind": place.kind, "name": place.name} if place else {"kind": "cluster", "name": ""}


def _where(where: Where) -> Fields:
    details: Fields = {
        "device": where.device,
        "hook": where.hook,
        "table": where.table,
        "chain": where.chain,
        "rule": where.rule,
    }
    return _place(where.place) | {name: value for name, value in details.items() if value}


def _fact(fact: Fact) -> Fields:
    return {"name": fact.name, "value": fact.value, "source": fact.source}


def _missing(gap: Missing) -> Fields:
    return {"what": gap.what, "state": gap.state, "reason": gap.reason}


def _path(path: PacketPath) -> Fields:
    links = {link.id: link for link in path.links}
    before = {
        output: links[action.input].packet
        for node in path.nodes
        for action in node.actions
        if action.input is not None
        for output in action.outputs
    }
    return {
        "nodes": [_node(node) for node in path.nodes],
        "links": [_link(link, before.get(link.id)) for link in path.links],
    }


def _node(node: NetNode) -> Fields:
    return _place(node.place) | {
        "actions": [_action(action) for action in node.actions],
        "suspicions": [suspicion_fields(suspicion) for suspicion in node.suspicions],
    }


def _action(action: Action) -> Fields:
    return {
        "kind": action.kind,
        "input": action.input,
        "outputs": list(action.outputs),
        "trace": [_step(step) for step in action.trace],
    }


def _step(step: Trace) -> Fields:
    return {"kind": step.kind, "where": _where(step.where), "text": step.text, "effect": step.effect}


def _link(link: Link, before: Frame | None) -> Fields:
    return {
        "id": link.id,
        "kind": link.kind,
        "source": _place(link.source) | ({"device": link.oif} if link.oif else {}),
        "destination": _place(link.hop.place) | ({"device": link.hop.iif} if link.hop.iif else {}),
        "before": frame_fields(before) if before else None,
        "after": frame_fields(link.packet),
    }


def frame_fields(frame: Frame) -> Fields:
    """A packet or a question for a neighbour, as in a link's `before` and `after`."""
    return _arp(frame) if isinstance(frame, Arp) else _packet(frame)


def _arp(arp: Arp) -> Fields:
    fields: Fields = {
        "protocol": "arp",
        "operation": "request" if arp.request else "reply",
        "src": str(arp.sender),
        "dst": str(arp.target),
        "srcMac": arp.src_mac,
        "dstMac": arp.dst_mac,
    }
    return fields if arp.vlan is None else fields | {"vlan": arp.vlan}


def _packet(packet: Packet) -> Fields:
    fields: Fields = {
        "src": str(packet.src),
        "dst": str(packet.dst),
        "protocol": protocol_name(packet.protocol),
    }
    match packet.protocol:
        case Protocol.TCP | Protocol.UDP | Protocol.SCTP:
            fields |= {"sport": packet.sport, "dport": packet.dport}
        case Protocol.ICMP | Protocol.ICMPV6:
            fields |= {"icmpType": packet.icmp_type, "icmpCode": packet.icmp_code}
    if packet.protocol == Protocol.TCP:
        fields["flags"] = [flag.name for flag in TcpFlags if flag in packet.flags]
    fields |= {"length": packet.length, "ttl": packet.ttl, "df": packet.df}
    optional: Fields = {
        "mss": packet.mss or None,
        "icmpId": packet.icmp_id or None,
        "icmpMtu": packet.icmp_mtu or None,
        "tos": packet.tos or None,
        "fragmentOffset": packet.fragment_offset or None,
        "moreFragments": packet.more_fragments or None,
        "datagram": packet.datagram or None,
        "srcMac": packet.src_mac or None,
        "dstMac": packet.dst_mac or None,
        "vlan": packet.vlan,
        "vni": packet.vni,
        "quoted": _packet(packet.quoted) if packet.quoted else None,
        "inner": frame_fields(packet.inner) if packet.inner else None,
    }
    return fields | {name: value for name, value in optional.items() if value is not None}
