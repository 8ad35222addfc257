"""`-o dot`: the way of a packet for Graphviz."""

from collections.abc import Iterator, Sequence

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.picture.colours import FILL_AND_LINE, LIGHT
from kubectl_skoop.report.picture.graph import Edge, Graph, Machine, Node, graph


def diagnosis_dot(diagnosis: Diagnosis) -> str:
    return "\n".join(_graph(graph(diagnosis))) + "\n"


def _graph(drawn: Graph) -> Iterator[str]:
    yield "digraph way {"
    yield f"  label={quoted(drawn.title)}; labelloc=t; compound=true;"
    yield '  fontname="sans-serif";'
    yield '  node [shape=box, style="rounded,filled", fontname="monospace", fontsize=11];'
    yield '  edge [fontname="monospace", fontsize=10];'
    for machine in drawn.machines:
        yield from _machine(machine)
    yield from map(_edge, drawn.edges)
    yield "}"


def _machine(machine: Machine) -> Iterator[str]:
    yield f"  subgraph cluster_{machine.id} {{"
    yield f"    label={quoted(machine.name)};"
    for group in machine.groups:
        yield f"    subgraph cluster_{group.id} {{"
        yield f"      label={quoted(safe(str(group.place)))};"
        yield from (f"      {_node(node)}" for node in group.nodes)
        yield "    }"
    yield "  }"


def _node(node: Node) -> str:
    fill, line = FILL_AND_LINE.get(node.fate or "", (LIGHT.card, LIGHT.card_edge))
    return f'{node.id} [label={_left(node.lines)}, fillcolor="{fill}", color="{line}"];'


def _edge(edge: Edge) -> str:
    back = edge.direction == "back"
    style = f', style="dashed", color="{LIGHT.back}"' if back else f', color="{LIGHT.way}"'
    width = ", penwidth=4" if edge.tunnel else ""
    return f"  {edge.source} -> {edge.target} [label={_left(edge.lines)}{style}{width}];"


def _left(lines: Sequence[str]) -> str:
    """Lines that begin at the left."""
    return '"' + "".join(f"{_escaped(line)}\\l" for line in lines) + '"'


def quoted(text: str) -> str:
    """A quoted string of one line of text."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """In labels a backslash begins an escape, and an ampersand an entity of HTML."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
