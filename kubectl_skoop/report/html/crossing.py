"""The packet on one link: every field, and what the sender of the link changed."""

from collections.abc import Iterator

from kubectl_skoop.model.packet import Frame, Packet
from kubectl_skoop.model.path import Link
from kubectl_skoop.report.fields import Fields, frame_fields
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.packet import frame_text

_KINDS = {"veth": "inside a node (veth)", "infra": "between nodes"}


def link_panel(identity: str, title: str, link: Link, before: Frame | None) -> Markup:
    """`before`: the packet as the link's sender got it; None: it was made there."""
    devices = f"{link.source} {link.oif}".strip(), f"{link.hop.place} {link.hop.iif}".strip()
    return h(
        "section",
        h("h3", f"{devices[0]} → {devices[1]} ", h("span", f"{title}: {_kind(link)}", class_="quiet")),
        h("p", h("code", frame_text(link.packet))),
        h("div", _packet_table(before, link.packet), class_="wide"),
        id=identity,
        class_="panel",
        tabindex="-1",
    )


def _kind(link: Link) -> str:
    if link.kind != "external":
        return _KINDS[link.kind]
    kinds = {link.source.kind, link.hop.place.kind}
    if "lb" in kinds:
        return "by a load balancer"
    return "from the outside" if link.source.kind == "external" else "to the outside"


def _packet_table(before: Frame | None, after: Frame) -> Markup:
    came = dict(_layers(before)) if before else {}
    went = dict(_layers(after))
    heads = ("Field", "As it came", "On the wire") if before else ("Field", "On the wire")
    return h(
        "table",
        h("thead", h("tr", (h("th", name, scope="col") for name in heads))),
        h(
            "tbody",
            (
                h(
                    "tr",
                    h("th", field, scope="row"),
                    h("td", h("code", came.get(field, ""))) if before else None,
                    h("td", h("code", went.get(field, ""))),
                    class_="changed" if before and came.get(field) != went.get(field) else None,
                )
                for field in dict.fromkeys((*went, *came))
            ),
        ),
        class_="plain",
    )


def _layers(frame: Frame) -> Iterator[tuple[str, str]]:
    """The fields of the packet itself, then those of the tunnels that it is in, the inmost first."""
    stack = [frame]
    while isinstance(packet := stack[-1], Packet) and packet.inner is not None:
        stack.append(packet.inner)
    for number, layer in enumerate(reversed(stack)):
        prefix = "" if number == 0 else "tunnel " if number == 1 else f"tunnel {number} "
        fields = frame_fields(layer)
        yield from _flat({name: value for name, value in fields.items() if name != "inner"}, prefix)


def _flat(fields: Fields, prefix: str) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        match value:
            case dict():
                yield from _flat(value, f"{prefix}{name} ")
            case list():
                yield prefix + name, " ".join(map(str, value))
            case bool():
                yield prefix + name, "yes" if value else "no"
            case _:
                yield prefix + name, str(value)
