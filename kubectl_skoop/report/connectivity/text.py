"""`connectivity` and `policies` for people: columns, Markdown, CSV."""

import csv
import io
from collections.abc import Iterable, Sequence

from kubectl_skoop.cluster.policy.ends import Flow, verdict_of
from kubectl_skoop.cluster.policy.evaluate import PolicySet
from kubectl_skoop.cluster.policy.rule import Decision
from kubectl_skoop.report.connectivity.fields import WORDS
from kubectl_skoop.report.connectivity.view import View
from kubectl_skoop.report.escape import safe

HEADINGS = ("FROM", "TO", "PORTS", "")
_PAIRS = 2_000_000


def columns(headings: Sequence[str], rows: Iterable[Sequence[str]], *, headers: bool = True) -> str:
    """As kubectl prints them; without `headers` the rows alone."""
    named = [list(headings)] if headers else []
    table = [*named, *([safe(cell) for cell in row] for row in rows)]
    widths = [max(len(row[at]) for row in table) for at in range(len(headings))]
    return "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in table
    )


def connectivity_text(view: View, *, explain: bool = False, headers: bool = True) -> str:
    lines = [
        (line.sources, line.destination, line.ports, "unknown" if line.verdict == "unknown" else "")
        for line in view.lines()
    ]
    nothing = "nothing is allowed" if view.found.workloads else "there are no pods"
    parts = [columns(HEADINGS, lines, headers=headers) if lines else nothing]
    if explain:
        selected = [
            (name, ", ".join(ends.selecting) or "none")
            for name, ends in zip(view.names, view.found.ends, strict=True)
        ]
        parts.append(columns(("PODS", "SELECTED BY"), selected, headers=headers))
    if (reasons := view.reasons()) and any(verdict for *_, verdict in lines):
        parts.append("\n".join(["Unknown because:", *(f"  {safe(reason)}" for reason in reasons)]))
    parts += problems_text(view.found.policies, headers=headers)
    return "\n\n".join(parts) + "\n"


def question_text(flows: Sequence[Flow], policies: PolicySet, *, explain: bool = False) -> str:
    parts: list[str] = []
    for flow in flows:
        what = f"{flow.source.name} -> {flow.destination.name} {flow.protocol}"
        port = f" {flow.port}" if flow.port else ""
        parts.append(f"{WORDS[flow.answer.verdict]}: {safe(what)}{port}")
        for decision in (flow.answer.egress, flow.answer.ingress):
            parts.append(f"  {decision.direction:<7}  {WORDS[decision.verdict]:<7}  {safe(decision.because)}")
            if explain:
                parts += _selecting(decision)
    if len(flows) > 1:
        allowed = sum(WORDS[flow.answer.verdict] == "allowed" for flow in flows)
        parts.append(f"{WORDS[verdict_of(flows)]}: {allowed} of {len(flows)} backends are allowed")
    text = "\n".join(parts)
    return "\n\n".join([text, *problems_text(policies)]) + "\n"


def _selecting(decision: Decision) -> list[str]:
    if not decision.selecting:
        return []
    return [
        "           selected by, in this order:",
        *(f"             {safe(key)}" for key in decision.selecting),
    ]


def problems_text(policies: PolicySet, *, headers: bool = True) -> list[str]:
    rows = [(problem.policy, problem.where, problem.reason) for problem in policies.problems]
    return [columns(("PROBLEM", "WHERE", "WHAT"), rows, headers=headers)] if rows else []


def csv_text(view: View, *, headers: bool = True) -> str:
    """A line for each sender and receiver. Raises: InputError, if that is too much."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if headers:
        writer.writerow(("from", "to", "ports", "verdict"))
    writer.writerows([_plain(cell) for cell in pair] for pair in view.pairs(_PAIRS, "CSV", whole=True))
    return out.getvalue()


def _plain(cell: str) -> str:
    """Nothing that a spreadsheet would take for a formula."""
    text = safe(cell)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text


def markdown_text(view: View) -> str:
    rows = [("from", "to", "ports", "verdict"), ("---", "---", "---", "---"), *view.lines()]
    return "".join(f"| {' | '.join(_cell(cell) for cell in row)} |\n" for row in rows)


def _cell(text: str) -> str:
    """Text that Markdown and the HTML in it take as it is."""
    shown = safe(text).replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    return "".join(f"\\{char}" if char in "|`*_[]" else char for char in shown)
