"""`diff` for people: `-` before, `+` after, below the place and the table."""

from collections.abc import Iterator

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.report.diff.change import Difference, FlowChange, Lines, PlaceChange
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.style import Style


def difference_text(found: Difference, style: Style) -> str:
    lines: list[str] = []
    for block in _blocks(found, style):
        lines += ([""] if lines else []) + block
    return "\n".join(lines or ["no difference"]) + "\n"


def _blocks(found: Difference, style: Style) -> Iterator[list[str]]:
    if found.flow is not None:
        yield list(_flow(found.flow, style))
    for place in found.places:
        yield list(_place(place, style))
    if found.objects:
        yield ["objects", *_objects(found, style)]
    if found.uncompared:
        yield ["not compared", *(f"  {safe(one.what)}: {safe(one.reason)}" for one in found.uncompared)]


def _place(change: PlaceChange, style: Style) -> Iterator[str]:
    if change.kind != "changed":
        yield f"{style.heading(safe(str(change.place)))}: {change.kind}"
        return
    yield style.heading(safe(str(change.place)))
    for table in change.tables:
        yield f"  {table.what}"
        yield from _lines(table.lines, style, "    ")
        yield from (f"    {safe(chain)}: the same rules in another order" for chain in table.reordered)


def _objects(found: Difference, style: Style) -> Iterator[str]:
    for change in found.objects:
        name = "/".join(part for part in change.ref if part)
        yield f"  {safe(name)}" + ("" if change.kind == "changed" else f": {change.kind}")
        yield from _lines(change.lines, style, "    ")


def _flow(flow: FlowChange, style: Style) -> Iterator[str]:
    if not flow.differs:
        yield f"the flow is the same: {_answer(flow.before, style)}"
        return
    yield f"before  {_answer(flow.before, style)}"
    yield f"after   {_answer(flow.after, style)}"
    for heading, lines in (("way", flow.way), ("reply", flow.reply)):
        if any(lines):
            yield f"  {heading}"
            yield from _lines(lines, style, "    ")


def _answer(diagnosis: Diagnosis, style: Style) -> str:
    return style.verdict(diagnosis.verdict, safe(diagnosis.headline))


def _lines(lines: Lines, style: Style, indent: str) -> Iterator[str]:
    yield from (f"{indent}{style.removed(f'- {safe(line)}')}" for line in lines.removed)
    yield from (f"{indent}{style.added(f'+ {safe(line)}')}" for line in lines.added)
