"""`-o d2`: the way of a packet for D2."""

from collections.abc import Iterator, Sequence

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.picture.colours import FILL_AND_LINE
from kubectl_skoop.report.picture.graph import Edge, Graph, Machine, Node, graph


def diagnosis_d2(diagnosis: Diagnosis) -> str:
    return "\n".join(_graph(graph(diagnosis))) + "\n"


def _graph(drawn: Graph) -> Iterator[str]:
    yield f"title: {quoted(drawn.title)} {{shape: text; near: top-center}}"
    for machine in drawn.machines:
        yield from _machine(machine)
    for edge in drawn.edges:
        yield _edge(edge, ".".join(drawn.path(edge.source)), ".".join(drawn.path(edge.target)))


def _machine(machine: Machine) -> Iterator[str]:
    yield f"{machine.id}: {quoted(machine.name)} {{"
    for group in machine.groups:
        yield f"  {group.id}: {quoted(safe(str(group.place)))} {{"
        yield from (f"    {_node(node)}" for node in group.nodes)
        yield "  }"
    yield "}"


def _node(node: Node) -> str:
    style = ""
    if node.fate in FILL_AND_LINE:
        fill, line = FILL_AND_LINE[node.fate]
        style = f' {{style.fill: "{fill}"; style.stroke: "{line}"}}'
    return f"{node.id}: {_lines(node.lines)}{style}"


def _edge(edge: Edge, source: str, target: str) -> str:
    styles = ["style.stroke-dash: 4"] if edge.direction == "back" else []
    styles += ["style.stroke-width: 6"] if edge.tunnel else []
    return f"{source} -> {target}: {_lines(edge.lines)}" + (f" {{{'; '.join(styles)}}}" if styles else "")


def _lines(lines: Sequence[str]) -> str:
    return '"' + "\\n".join(map(_escaped, lines)) + '"'


def quoted(text: str) -> str:
    """A string in double quotes of one line of text."""
    return f'"{_escaped(text)}"'


def _escaped(text: str) -> str:
    """A dollar would begin a substitution."""
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$")
