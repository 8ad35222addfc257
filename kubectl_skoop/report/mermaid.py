"""`-o mermaid`: the way of a packet as a flowchart of Mermaid."""

from collections.abc import Iterator, Sequence

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.picture.colours import LIGHT
from kubectl_skoop.report.picture.graph import Edge, Graph, Machine, Node, graph

PLAIN = frozenset(" ,:/=+'")
"""Signs that mean nothing inside a label in quotes; all others are written as entities."""

_CLASSES = (
    ("good", LIGHT.good_card, LIGHT.good),
    ("bad", LIGHT.bad_card, LIGHT.bad),
    ("unsure", LIGHT.unsure_card, LIGHT.unsure),
)
_CLASS_OF = {"arrives": "good", "refused": "bad", "dropped": "bad", "unknown": "unsure"}


def diagnosis_mermaid(diagnosis: Diagnosis) -> str:
    return "\n".join(_graph(graph(diagnosis))) + "\n"


def _graph(drawn: Graph) -> Iterator[str]:
    yield "flowchart TB"
    for machine in drawn.machines:
        yield from _machine(machine)
    yield from (f"  {_edge(edge)}" for edge in drawn.edges)
    for name, fill, line in _CLASSES:
        yield f"  classDef {name} fill:{fill},stroke:{line},color:{LIGHT.ink}"


def _machine(machine: Machine) -> Iterator[str]:
    yield f"  subgraph {machine.id} [{quoted([machine.name or ' '])}]"
    for group in machine.groups:
        yield f"    subgraph {group.id} [{quoted([safe(str(group.place))])}]"
        yield from (f"      {_node(node)}" for node in group.nodes)
        yield "    end"
    yield "  end"


def _node(node: Node) -> str:
    style = f":::{_CLASS_OF[node.fate]}" if node.fate in _CLASS_OF else ""
    return f"{node.id}[{quoted(node.lines)}]{style}"


def _edge(edge: Edge) -> str:
    line = "-.->" if edge.direction == "back" else "==>" if edge.tunnel else "-->"
    return f"{edge.source} {line}|{quoted(edge.lines)}| {edge.target}"


def quoted(lines: Sequence[str]) -> str:
    """A label in quotes."""
    return '"' + "<br/>".join(map(_escaped, lines)) + '"'


def _escaped(text: str) -> str:
    """Comments and directives (`%%`) are looked for everywhere, and labels are HTML or Markdown."""
    pairs = zip(text, text[1:] + " ", strict=False)
    return "".join(char if _plain(char, after) else f"#{ord(char)};" for char, after in pairs)


def _plain(char: str, after: str) -> bool:
    """Before a letter or digit a point or a hyphen begins no list and no line."""
    return char.isalnum() or char in PLAIN or (char in ".-" and after.isalnum())
