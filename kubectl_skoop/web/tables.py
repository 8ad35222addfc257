"""The tables of a node or pod, with the entries that a question's packet met there, or that `check` found."""

from urllib.parse import urlencode

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.errors import InputError, NoVerdict
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.html.places import About, TableView, focus
from kubectl_skoop.report.html.ways import ways_of
from kubectl_skoop.report.html.words import query_of, request_of
from kubectl_skoop.report.inspect import WHATS, print_table
from kubectl_skoop.report.inspect.found import found_marks, table_with
from kubectl_skoop.report.inspect.marks import Met, marks
from kubectl_skoop.snapshot.source import Snapshot
from kubectl_skoop.web.names import Names
from kubectl_skoop.web.session import Session
from kubectl_skoop.web.words import Words, number_of


def table_view(session: Session, words: Words) -> TableView:
    """Raises: InputError, NoVerdict."""
    place = _place_of(session.names, words.get("at", ""))
    what = words.get("what") or WHATS[0]
    if what not in WHATS:
        raise InputError(f"{what}: must be one of {', '.join(WHATS)}")
    question = request_of(words) if words.get("s") and words.get("d") else None
    checked = session.checked() if words.get("check") and not question else None
    met = _met(session.diagnosis(question), place) if question else None
    with session.reading() as source:
        tables = source.raw_tables(place)
        if isinstance(tables, NotCollected):
            raise NoVerdict(str(tables))
        lines = print_table(what, tables).split("\n")
        pods = _pods_on(source, place)
    mine = (
        [one for one in checked.suspicions if one.where.place == place and table_with(one) == what]
        if checked
        else []
    )
    found = {
        at + 1: mark
        for at, mark in (marks(what, lines, met) if met else found_marks(what, lines, mine)).items()
    }
    searched = words.get("find", "")
    numbered = [
        (number, line)
        for number, line in enumerate(lines, start=1)
        if line and searched.lower() in line.lower()
    ]
    return TableView(
        place=place,
        what=what,
        lines=numbered,
        marks=found,
        find=searched,
        page=number_of(words, "page"),
        focus=focus(numbered, found, words.get("to", "")),
        about=About(f"ask?{query_of(question)}", query_of(question), "the question")
        if question
        else About(f"check?{urlencode({'at': str(place)})}", "check=1", "check", mine)
        if checked
        else None,
        pods=pods,
    )


def _place_of(names: Names, written: str) -> Place:
    """Raises: InputError."""
    kind, _, name = written.partition("/")
    if written in names.places:
        return Place("node" if kind == "node" else "pod", name)
    raise InputError(f"there is no node or pod {written}", hint="the page Tables lists them")


def _pods_on(source: Snapshot, place: Place) -> tuple[str, ...]:
    """With a network of their own, of a node."""
    node = source.node(place.name) if place.kind == "node" else None
    if node is None or isinstance(node, NotCollected):
        return ()
    return tuple(pod for entry in node.namespaces if entry.kind == "pod" for pod in entry.pods)


def _met(diagnosis: Diagnosis, place: Place) -> Met:
    """What all packets of a diagnosis met there."""
    paths = [way.path for way in ways_of(diagnosis)]
    steps = [
        step
        for path in paths
        for node in path.nodes
        for action in node.actions
        for step in action.trace
        if (step.where.place or node.place) == place
    ]
    frames = [link.packet for path in paths for link in path.links]
    packets = [frame for frame in frames if isinstance(frame, Packet)]
    families = {packet.family for packet in packets} | {packet.innermost.family for packet in packets}
    causes = [diagnosis.cause, *(branch.cause for branch in diagnosis.branches)]
    blamed = [cause for cause in causes if cause and cause.where.place == place]
    return Met(steps, blamed, families or {4, 6})
