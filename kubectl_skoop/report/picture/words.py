"""What is written on the cards and beside the arrows, wrapped to a number of columns."""

from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.model.packet import Arp, Frame, Packet
from kubectl_skoop.model.path import Link
from kubectl_skoop.report.columns import broken, cut
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.packet import frame_text, translations, tunnel_text
from kubectl_skoop.report.picture.shapes import TextKind
from kubectl_skoop.report.picture.ways import Stop, Ways
from kubectl_skoop.report.share import percent

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
    yield from dict.fromkeys(Line(safe(change), "change") for change in _changes(stop))
    if stop.end:
        yield Line(safe(stop.end.text), "end")
    for cause in stop.causes:
        yield Line(safe(f"cause: {cause.message}"), "cause")


def arrow_lines(stop: Stop, link: Link, whole: Fraction) -> Iterator[Line]:
    """The packet that came to a stop; with its share, if that is less than the `whole`."""
    if stop.share < whole:
        yield Line(percent(stop.share), "share")
    frame = link.packet
    if isinstance(frame, Packet) and frame.inner is not None:
        yield Line(safe(f"in {tunnel_text(frame)}"), "tunnel")
    yield Line(safe(frame_text(inside(frame))), "packet")
    if isinstance(frame, Packet):
        packet = frame.innermost
        yield Line(f"{packet.length} bytes, ttl {packet.ttl}{', df' if packet.df else ''}", "note")


def whole_share(drawn: Ways) -> Fraction:
    """Of all ways together."""
    return sum((tree.share for tree in drawn.way), Fraction(0))


def inside(frame: Frame) -> Frame:
    """Without the tunnels around it."""
    return frame.innermost if isinstance(frame, Packet) else frame


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
    before = stop.arrived.packet if stop.arrived else None
    for child in stop.onward:
        after = child.arrived.packet if child.arrived else None
        if before is None or after is None or isinstance(before, Arp) or isinstance(after, Arp):
            continue
        share = f"{percent(child.share)}: " if child.share < stop.share else ""
        for change in translations(before, after):
            yield share + change
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
