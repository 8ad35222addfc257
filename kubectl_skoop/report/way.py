"""The way of a packet as aligned lines: who handled it, by which devices, what became of it there."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kubectl_skoop.model.packet import Arp, Packet
from kubectl_skoop.model.path import Action, Link, NetNode, PacketPath
from kubectl_skoop.model.place import Place
from kubectl_skoop.model.trace import Trace
from kubectl_skoop.report.columns import pad, width
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.packet import frame_text, inside, translations, tunnel_text
from kubectl_skoop.report.style import Style


class Detail(NamedTuple):
    """How much of the way is shown."""

    arp: bool = False
    """Questions for neighbours, too."""
    trace: bool = False
    """Each hook, chain, rule, route and neighbour that was met."""


class _Row(NamedTuple):
    """One line of the way, and what is said below it."""

    place: str
    did: str
    devices: str
    packet: str
    notes: tuple[str, ...]
    trace: tuple[Trace, ...]


def way_lines(path: PacketPath, style: Style, detail: Detail) -> Iterator[str]:
    """Without a heading, indented by two. On a narrow terminal the packet has a line of its own."""
    rows = list(_rows(path, detail))
    widths = [max(map(width, column), default=0) for column in zip(*map(_cells, rows), strict=True)]
    begins = ["  " + "  ".join(map(pad, _cells(row), widths)) for row in rows]
    narrow = not all(style.fits(f"{begin}  {row.packet}") for begin, row in zip(begins, rows, strict=True))
    for begin, row in zip(begins, rows, strict=True):
        notes = " " * (6 if narrow else widths[0] + 4)
        if narrow:
            cells = "  ".join(filter(None, _cells(row)))
            yield from [begin.rstrip()] if style.fits(begin.rstrip()) else style.lines(cells, "  ", hang=4)
            yield from style.lines(row.packet, notes, hang=8)
        else:
            yield f"{begin}  {row.packet}".rstrip()
        for note in row.notes:
            yield from style.lines(note, notes, hang=len(notes) + 2)
        if detail.trace:
            for step in row.trace:
                yield from style.lines(step_text(step), " " * 6, hang=8, paint=style.quiet)


def _cells(row: _Row) -> tuple[str, str, str]:
    return row.place, row.did, row.devices


def _rows(path: PacketPath, detail: Detail) -> Iterator[_Row]:
    links = {link.id: link for link in path.links}
    order = sorted(
        ((node, action) for node in path.nodes for action in node.actions),
        key=lambda pair: -1 if pair[1].input is None else pair[1].input,
    )
    for node, action in order:
        arrived = None if action.input is None else links[action.input]
        left = [links[output] for output in action.outputs]
        if not detail.arp and _only_arp(arrived, left):
            continue
        yield _row(node, action, arrived, left)


def _only_arp(arrived: Link | None, left: Sequence[Link]) -> bool:
    frames = [link.packet for link in (arrived, *left) if link]
    return bool(frames) and all(isinstance(frame, Arp) for frame in frames)


def _row(node: NetNode, action: Action, arrived: Link | None, left: Sequence[Link]) -> _Row:
    shown = left[0] if left else arrived
    return _Row(
        place=safe(str(node.place)),
        did=action.kind,
        devices=_devices(arrived, left, node.place),
        packet=safe(frame_text(inside(shown.packet))) if shown else "",
        notes=tuple(map(safe, _notes(arrived, left))),
        trace=action.trace,
    )


def _devices(arrived: Link | None, left: Sequence[Link], place: Place) -> str:
    came = arrived.hop.iif if arrived else ""
    went = ", ".join(dict.fromkeys(link.oif for link in left))
    return safe(f"{came} -> {went}".strip()) if came or went else ""


def _notes(arrived: Link | None, left: Sequence[Link]) -> Iterator[str]:
    """Translations and tunnels; all else is in the trace."""
    before = arrived.packet if arrived else None
    after = left[0].packet if left else None
    if isinstance(before, Packet) and isinstance(after, Packet):
        yield from translations(before, after)
    if isinstance(after, Packet) and after.inner is not None:
        yield f"in {tunnel_text(after)}"
    elif isinstance(before, Packet) and before.inner is not None:
        yield f"out of {tunnel_text(before)}" if after else f"in {tunnel_text(before)}"


def step_text(step: Trace) -> str:
    """`FORWARD filter KUBE-FORWARD 3: -A … => accept`."""
    where = step.where
    place = [where.hook, where.table, where.chain, str(where.rule or ""), where.device]
    begin = " ".join(part for part in place if part) or step.kind
    return safe(f"{begin}: {step.text}" + (f" => {step.effect}" if step.effect else ""))
