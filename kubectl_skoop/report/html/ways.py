"""The ways of a diagnosis by the names that ids in a page begin with."""

from collections.abc import Iterator
from typing import NamedTuple

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.path import PacketPath
from kubectl_skoop.model.share import percent
from kubectl_skoop.report.picture.shapes import Arrow, Card
from kubectl_skoop.report.picture.ways import Direction, branches


class Way(NamedTuple):
    """The path of a packet or of its answer, in one branch."""

    name: str
    title: str
    path: PacketPath
    main: bool
    """The one that the diagnosis tells of first."""


def ways_of(diagnosis: Diagnosis) -> Iterator[Way]:
    yield Way(_name("way", None), "Way", diagnosis.path, True)
    if diagnosis.reply:
        yield Way(_name("back", None), "Way back", diagnosis.reply, True)
    _, others = branches(diagnosis)
    for told in others:
        share = f"of {percent(told.ending.share)}"
        yield Way(_name("way", told.branch), f"Way {share}", told.ending.path, False)
        if told.ending.reply:
            yield Way(_name("back", told.branch), f"Way back {share}", told.ending.reply, False)


def door(shape: Card | Arrow) -> str:
    """The id of the panel that a shape of the picture leads to."""
    name = _name(shape.origin.direction, shape.origin.branch)
    if isinstance(shape, Arrow):
        return link_id(name, shape.link)
    return node_id(name, shape.origin.node) if shape.origin.node >= 0 else ""


def node_id(way: str, node: int) -> str:
    """`node`: position in the path."""
    return f"{way}-node-{node}"


def link_id(way: str, link: int) -> str:
    return f"{way}-link-{link}"


def _name(direction: Direction, branch: int | None) -> str:
    """`way`, `back`, or of another branch `branch-2-way`."""
    return direction if branch is None else f"branch-{branch}-{direction}"
