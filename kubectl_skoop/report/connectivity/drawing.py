"""`connectivity` as a DOT graph and as an HTML matrix."""

from html import escape

from kubectl_skoop.cluster.policy.port import ports_text
from kubectl_skoop.cluster.policy.universe import positions_of
from kubectl_skoop.model.errors import InputError
from kubectl_skoop.report.connectivity.view import OUTSIDE, View, rows_of
from kubectl_skoop.report.escape import safe

_EDGES = 5_000
_ROWS = 300
_STYLE = """
body{font:14px/1.4 system-ui,sans-serif;margin:2em;color:#222;background:#fff}
table{border-collapse:collapse}
th,td{border:1px solid #ccc;padding:.2em .5em;font-weight:normal;text-align:left}
thead th{vertical-align:bottom;writing-mode:vertical-rl;transform:rotate(180deg);white-space:nowrap}
thead th:first-child{writing-mode:horizontal-tb;transform:none}
.a{background:#dff3df}.n{background:#f8dcdc}.u{background:#fff0c8}.s{background:#eee}
@media(prefers-color-scheme:dark){body{color:#ddd;background:#1b1b1b}
.a{background:#1d4a26}.n{background:#5a2222}.u{background:#5a4a12}.s{background:#333}}
"""


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


def html_text(view: View) -> str:
    """A matrix: senders down, receivers across. One file, nothing loaded. Raises: InputError."""
    rows, across = positions_of(view.sources), positions_of(view.destinations)
    if len(rows) > _ROWS or len(across) > _ROWS:
        raise InputError(
            f"a matrix of {len(rows)} times {len(across)} is too large to read",
            hint=f"at most {_ROWS}: narrow it with --from and --to, as in ns/NAME",
        )
    names = [escape(safe(name)) for name in view.names]
    head = "".join(f"<th scope=col>{names[at]}</th>" for at in across)
    out = f"<th scope=col>{OUTSIDE}</th>" if view.outgoing else ""
    body = "\n".join(
        f"<tr><th scope=row>{names[source]}</th>"
        + "".join(_cell(view, source, at) for at in across)
        + (_out(view, source) if view.outgoing else "")
        + "</tr>"
        for source in rows
    )
    last = f"<tr><th scope=row>{OUTSIDE}</th>{''.join(_in(view, at) for at in across)}</tr>"
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8><title>Connectivity</title>\n"
        f"<style>{_STYLE}</style>\n<h1>Who may talk to whom</h1>\n"
        "<p>Senders down, receivers across. By policy alone: services and routes are not asked.</p>\n"
        f"<table><thead><tr><th scope=col>from \\ to</th>{head}{out}</tr></thead>\n"
        f"<tbody>{body}\n{last if view.incoming else ''}</tbody></table></html>\n"
    )


def _cell(view: View, source: int, at: int) -> str:
    ends = view.found.ends[at]
    if source == at and len(view.found.classes[at].members) == 1:
        return "<td class=s>itself</td>"
    allowed, unknown = rows_of(ends.allowed, source), rows_of(ends.unknown, source)
    if unknown:
        return f"<td class=u>unknown: {escape(ports_text(unknown))}</td>"
    if allowed:
        return f"<td class=a>{escape(ports_text(allowed))}</td>"
    return "<td class=n>none</td>"


def _in(view: View, at: int) -> str:
    return _side(
        [ports for ports, _ in view.found.ends[at].from_outside],
        [ports for ports, _ in view.found.ends[at].from_outside_unknown],
    )


def _out(view: View, at: int) -> str:
    return _side(
        [ports for ports, _ in view.found.ends[at].to_outside],
        [ports for ports, _ in view.found.ends[at].to_outside_unknown],
    )


def _side(allowed: list[tuple[tuple[int, int], ...]], unknown: list[tuple[tuple[int, int], ...]]) -> str:
    shown = escape("; ".join(ports_text(ports) for ports in (*allowed, *unknown)))
    return f"<td class={'u' if unknown else 'a' if allowed else 'n'}>{shown or 'none'}</td>"
