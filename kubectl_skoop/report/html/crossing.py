"""The packet on one link: every field, and what the sender of the link changed."""

from collections.abc import Iterator

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.model.path import Link
from kubectl_skoop.report.fields import frame_fields
from kubectl_skoop.report.html.markup import Markup, h
from kubectl_skoop.report.packet import frame_text

_KINDS = {"veth": "inside a node (veth)", "infra": "between nodes", "external": "to the outside"}


def link_panel(identity: str, title: str, link: Link, before: Frame | None) -> Markup:
    """`before`: the packet as the link's sender got it; None: it was made there."""
    devices = f"{link.source} {link.oif}".strip(), f"{link.hop.place} {link.hop.iif}".strip()
    return h(
        "section",
        h("h3", f"{devices[0]} → {devices[1]} ", h("span", f"{title}: {_KINDS[link.kind]}", class_="quiet")),
        h("p", h("code", frame_text(link.packet))),
        h("div", _packet_table(before, link.packet), class_="wide"),
        id=identity,
        class_="panel",
        tabindex="-1",
    )


def _packet_table(before: Frame | None, after: Frame) -> Markup:
    """Every field of the packet, and what it was when the sender of the link got it."""
    came = dict(_flat(frame_fields(before))) if before else {}
    went = dict(_flat(frame_fields(after)))
    names = dict.fromkeys((*went, *came))
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
                for field in names
            ),
        ),
        class_="plain",
    )


def _flat(fields: dict[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
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
