"""`-o kubeskoop-json`: the keys of KubeSkoop's JSON, for what reads it; `docs/json.md` has the mapping."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from kubectl_skoop.diagnosis.result import Diagnosis, Missing
from kubectl_skoop.model.packet import Arp, Packet
from kubectl_skoop.model.path import Action, Link, PacketPath
from kubectl_skoop.model.place import Place, PlaceKind
from kubectl_skoop.model.suspicion import Level, Suspicion
from kubectl_skoop.report.fields import Fields, protocol_name
from kubectl_skoop.report.json import json_text

_TYPES: dict[PlaceKind, str] = {"pod": "pod", "node": "node", "external": "external", "lb": "generic"}


class _Done(NamedTuple):
    """An action with the links that it is about, whatever their numbers in the paths of other branches."""

    place: Place
    action: Action
    arrived: Link | None
    left: tuple[Link, ...]


def diagnosis_kubeskoop_json(diagnosis: Diagnosis) -> str:
    """The ways of all branches together, as KubeSkoop shows each backend of a service; not the ways back."""
    paths = [diagnosis.path, *(ending.path for ending in diagnosis.branches)]
    done = list(dict.fromkeys(entry for path in paths for entry in _done(path)))
    links = {_id(link): link for entry in done for link in entry.left}
    places = list(
        dict.fromkeys([entry.place for entry in done] + [link.hop.place for link in links.values()])
    )
    elsewhere = [finding for finding in diagnosis.suspicions if finding.where.place not in places]
    return json_text(
        {
            "cluster": {
                "suspicions": [*map(_suspicion, elsewhere), *map(_missing, diagnosis.missing)],
            },
            "nodes": [_node(place, done, diagnosis.suspicions) for place in places],
            "links": [_link(name, link) for name, link in links.items()],
        }
    )


def _done(path: PacketPath) -> Iterator[_Done]:
    links = {link.id: link for link in path.links if not isinstance(link.packet, Arp)}
    for node in path.nodes:
        for action in node.actions:
            arrived = links.get(action.input) if action.input is not None else None
            if action.input is None or arrived:
                left = tuple(links[output] for output in action.outputs if output in links)
                yield _Done(node.place, action, arrived, left)


def _node(place: Place, done: Iterable[_Done], findings: Iterable[Suspicion]) -> Fields:
    found = [_suspicion(finding) for finding in findings if finding.where.place == place]
    return {
        "id": place.name,
        "type": _TYPES[place.kind],
        "suspicions": found or None,
        "actions": {
            _id(entry.arrived) if entry.arrived else "": {"type": _action(entry)}
            for entry in done
            if entry.place == place
        },
    }


def _action(entry: _Done) -> str:
    """KubeSkoop knows no drop: it is what would have been done there."""
    if entry.action.kind != "drop":
        return entry.action.kind
    return "forward" if entry.place.kind == "node" else "serve"


def _suspicion(finding: Suspicion) -> Fields:
    return {"level": int(finding.level), "message": finding.message}


def _missing(gap: Missing) -> Fields:
    """KubeSkoop has no word for it but a suspicion."""
    return {"level": int(Level.INFO), "message": f"missing data: {gap}"}


def _id(link: Link) -> str:
    packet = link.packet
    end = f"{packet.dst}:{packet.dport}" if isinstance(packet, Packet) else ""
    return f"{link.kind},{link.source.name},{link.hop.place.name},{end}"


def _link(name: str, link: Link) -> Fields:
    return {
        "id": name,
        "source": link.source.name,
        "source_attributes": _device(link.oif),
        "destination_attributes": _device(link.hop.iif),
        "destination": link.hop.place.name,
        "type": link.kind,
        "action": "",
        "packet": _packet(link),
    }


def _device(name: str) -> Fields:
    return {"if": name} if name else {}


def _packet(link: Link) -> Fields:
    """As on the wire: of a tunnel the outer packet, as KubeSkoop has it."""
    packet = link.packet
    assert isinstance(packet, Packet)
    return {
        "source": str(packet.src),
        "destination": str(packet.dst),
        "dport": packet.dport,
        "protocol": protocol_name(packet.protocol),
    }
