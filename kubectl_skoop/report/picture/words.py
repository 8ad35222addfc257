"""What is written on the cards and beside the arrows, wrapped to a number of columns."""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.model.packet import Packet
from kubectl_skoop.model.path import Link
from kubectl_skoop.model.share import percent
from kubectl_skoop.report.columns import broken, cut
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.packet import frame_text, inside, translations, tunnel_text
from kubectl_skoop.report.picture.shapes import TextKind
from kubectl_skoop.report.picture.ways import Stop

MOST_LINES = 6
"""Of one text; what is longer ends in an ellipsis, and is whole in the label."""


class Line(NamedTuple):
    text: str
    kind: TextKind


def card_lines(stop: Stop) -> Iterator[Line]:
    """What was done, by which devices, what changed of the packet; not wrapped."""
    yield Line(stop.action.kind if stop.action else "not walked", "action")
    if devices := devices_of(stop):
        yield Line(safe(" > ".join(devices)), "device")
    yield from (Line(safe(change), "change") for change in _changes(stop))
    if stop.copies:
        yield Line(f"{stop.copies} more copies are not drawn", "note")
    if stop.end:
        yield Line(safe(stop.end.text), "end")
    for cause in stop.causes:
        yield Line(safe(f"cause: {cause.message}"), "cause")


def arrow_lines(stop: Stop, link: Link, before: Stop) -> Iterator[Line]:
    """The packet that came to a stop; where the ways fork before it, with its share."""
    if stop.share < before.share:
        yield Line(percent(stop.share), "share")
    frame = link.packet
    if isinstance(frame, Packet) and frame.inner is not None:
        yield Line(safe(f"in {tunnel_text(frame)}"), "tunnel")
    yield Line(safe(frame_text(inside(frame))), "packet")
    if isinstance(frame, Packet):
        packet = frame.innermost
        yield Line(f"{packet.length} bytes, ttl {packet.ttl}{', df' if packet.df else ''}", "note")


def devices_of(stop: Stop) -> tuple[str, ...]:
    """The devices that the packet passed at a stop, in their order.

    Where an answer starts the trace is that of the request, too: only the device that it leaves by is told.
    """
    seen = [stop.arrived.hop.iif] if stop.arrived else []
    starts_back = stop.arrived is None and stop.origin.direction == "back"
    for step in stop.action.trace if stop.action and not starts_back else ():
        if step.kind in ("tunnel", "bridge") or (step.kind == "device" and step.text.startswith("in by ")):
            seen.append(step.where.device)
    came = [device for device in dict.fromkeys(seen) if device]
    left = ", ".join(dict.fromkeys(child.arrived.oif for child in stop.onward if child.arrived))
    return (*(came[:-1] if came[-1:] == [left] else came), *([left] if left else []))


def _changes(stop: Stop) -> Iterator[str]:
    """Each change with the share of those that it was done to, if that is not all."""
    shares: dict[str, Fraction] = {}
    for child in stop.onward:
        for change in _changes_to(child, stop.arrived):
            shares[change] = shares.get(change, Fraction(0)) + child.share
    for change, share in shares.items():
        yield f"{percent(share)}: {change}" if share < stop.share else change


def _changes_to(child: Stop, arrived: Link | None) -> Iterator[str]:
    before = arrived.packet if arrived else None
    after = child.arrived.packet if child.arrived else None
    if not isinstance(before, Packet) or not isinstance(after, Packet):
        return
    yield from translations(before, after)
    if after.inner is not None and before.inner is None:
        yield f"into {_tunnel(after)}"
    if before.inner is not None and after.inner is None:
        yield f"out of {_tunnel(before)}"


def _tunnel(outer: Packet) -> str:
    return tunnel_text(outer).split(" ")[0] + (f" {outer.vni}" if outer.vni is not None else "")


def wrapped(line: Line, columns: int, most: int = MOST_LINES) -> Iterator[Line]:
    """No more than `most` lines, the last with an ellipsis."""
    rows = list(broken(line.text, columns))
    if len(rows) > most:
        rows = [*rows[: most - 1], cut(rows[most - 1] + "…", columns)]
    for row in rows:
        yield Line(row, line.kind)
