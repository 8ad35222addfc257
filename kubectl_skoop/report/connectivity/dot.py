"""`connectivity` as a DOT graph."""

from kubectl_skoop.report.connectivity.view import View
from kubectl_skoop.report.escape import safe

_EDGES = 5_000


def dot_text(view: View) -> str:
    """Raises: InputError, with too many edges to draw."""
    lines = ["digraph connectivity {", "  rankdir=LR;", "  node [shape=box];"]
    for source, destination, ports, verdict in view.pairs(_EDGES, "a graph"):
        style = ', style="dashed"' if verdict == "unknown" else ""
        lines.append(f"  {_quoted(source)} -> {_quoted(destination)} [label={_quoted(ports)}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _quoted(text: str) -> str:
    shown = safe(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{shown}"'
