"""The picture of a way: nothing overlaps, all is told, and nothing of a cluster is taken for markup."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import combinations
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

from kubectl_skoop.diagnosis.diagnose import diagnose
from kubectl_skoop.diagnosis.request import Options
from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.path import Action, NetNode, PacketPath
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.columns import width
from kubectl_skoop.report.formats import render_diagnosis
from kubectl_skoop.report.picture.colours import page_style
from kubectl_skoop.report.picture.layout import picture
from kubectl_skoop.report.picture.measures import CHAR, LINE
from kubectl_skoop.report.picture.shapes import Picture, Text
from kubectl_skoop.report.picture.svg import svg_text
from kubectl_skoop.report.picture.ways import DRAWN_STOPS
from kubectl_skoop.snapshot.source import open_snapshot
from tests.golden.cases import GoldenCase, load_cases
from tests.report.build import diagnosis, path, suspicion
from tests.report.hostile import STRINGS, hostile_diagnosis

SVG = "{http://www.w3.org/2000/svg}"
QUESTIONS = [(case, name) for case in load_cases() for name in case.requests]


class Box(NamedTuple):
    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: "Box") -> bool:
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: "Box") -> bool:
        return (
            self.left <= other.left
            and self.top <= other.top
            and other.right <= self.right
            and other.bottom <= self.bottom
        )


def _text_box(text: Text) -> Box:
    return Box(text.x, text.y - LINE + 4, text.x + width(text.text) * CHAR, text.y + 4)


def _shapes(drawn: Picture) -> tuple[list[Box], list[Box]]:
    """The cards, and the texts beside arrows."""
    cards = [Box(card.x, card.y, card.x + card.width, card.y + card.height) for card in drawn.cards]
    return cards, [_text_box(text) for arrow in drawn.arrows for text in arrow.texts]


def check_layout(drawn: Picture) -> None:
    cards, labels = _shapes(drawn)
    for one, other in combinations([*cards, *labels], 2):
        assert not one.overlaps(other), (one, other)
    for card, box in zip(drawn.cards, cards, strict=True):
        for text in card.texts:
            assert box.holds(_text_box(text)), text
    page = Box(0, 0, drawn.width, drawn.height)
    lanes = [Box(lane.x, lane.y, lane.x + lane.width, lane.y + lane.height) for lane in drawn.lanes]
    for one, other in combinations(lanes, 2):
        assert not one.overlaps(other)
    for box in cards:
        assert any(lane.holds(box) for lane in lanes)
    for box in [*cards, *labels, *lanes]:
        assert page.holds(box), box


def _parsed(made: Diagnosis) -> ElementTree.Element:
    return ElementTree.fromstring(render_diagnosis(made, "svg"))


def _classes(root: ElementTree.Element) -> Iterable[str]:
    return (element.get("class", "") for element in root.iter())


@pytest.mark.parametrize(
    ("case", "question"), QUESTIONS, ids=[f"{case.name}: {question}" for case, question in QUESTIONS]
)
def test_nothing_overlaps_in_the_picture_of_a_shipped_question(case: GoldenCase, question: str) -> None:
    source = open_snapshot(case.snapshot)
    try:
        made = diagnose(source, case.requests[question], Options())
    finally:
        source.close()
    check_layout(picture(made))
    check_layout(picture(made, heading=False))


@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_a_hostile_cluster_stays_text(text: str) -> None:
    made = hostile_diagnosis(text)
    check_layout(picture(made))
    root = _parsed(made)
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "g", "path", "polygon", "text", "circle"}
    drawing = "class width height viewBox id x y rx r d points transform"
    data = "data-kind data-name data-direction data-branch data-node data-action data-link"
    allowed = f"{drawing} {data} role aria-labelledby aria-label".split()
    assert {name for element in root.iter() for name in element.attrib} <= set(allowed)
    for tag in ("text", "title", "desc"):
        assert all((element.text or "").isprintable() for element in root.iter(f"{SVG}{tag}"))
    assert all(value.isprintable() for element in root.iter() for value in element.attrib.values())


def test_each_shape_has_an_id_of_its_own() -> None:
    ids = [element.get("id") for element in _parsed(hostile_diagnosis("x")).iter() if element.get("id")]
    assert len(ids) == len(set(ids)) > 10


def test_a_card_says_where_it_stands_in_the_diagnosis() -> None:
    made = hostile_diagnosis("x")
    cards = [
        element for element in _parsed(made).iter(f"{SVG}g") if "card" in element.get("class", "").split()
    ]
    for card in cards:
        ending = made.branches[int(card.get("data-branch", "-1"))] if card.get("data-branch") else None
        where = ending.path if ending else made.path if card.get("data-direction") == "way" else made.reply
        assert where is not None
        node = where.nodes[int(card.get("data-node", ""))]
        assert (node.place.kind, node.place.name) == (card.get("data-kind"), card.get("data-name"))
        assert (
            card.get("aria-label", "")
            .split(": ")[1]
            .startswith(node.actions[int(card.get("data-action", ""))].kind)
        )


def test_a_service_fans_out_with_its_shares() -> None:
    made = hostile_diagnosis("x")
    texts = [element.text for element in _parsed(made).iter(f"{SVG}text") if element.get("class") == "share"]
    assert texts == ["33 %", "67 %"]


def test_the_end_has_symbol_colour_and_words() -> None:
    root = _parsed(hostile_diagnosis("x"))
    (card,) = [element for element in root.iter(f"{SVG}g") if "dropped" in element.get("class", "").split()][
        :1
    ]
    assert [part.get("class") for part in card if part.tag == f"{SVG}g"] == ["symbol dropped"]
    assert "ends here: x" in [part.text for part in card if part.get("class") == "end"]


def test_the_cause_is_marked_where_it_is() -> None:
    drawn = picture(diagnosis())
    assert [card.place.name for card in drawn.cards if card.cause] == ["n2"]


def test_what_a_tunnel_carries_is_drawn_in_a_pipe() -> None:
    drawn = picture(diagnosis())
    assert [arrow.tunnel for arrow in drawn.arrows] == [False, True]
    assert "in vxlan 1 192.168.0.1 > 192.168.0.2" in [text.text for text in drawn.arrows[1].texts]


def test_the_branches_that_are_too_many_are_counted() -> None:
    made = hostile_diagnosis("x")
    lost = made.branches[1]

    def elsewhere(number: int) -> PacketPath:
        *nodes, last = lost.path.nodes
        place = Place("external", f"e{number}")
        *links, link = lost.path.links
        moved = replace(link, hop=link.hop._replace(place=place))
        return PacketPath((*nodes, NetNode(place, last.actions)), (*links, moved))

    many = tuple(lost._replace(share=Fraction(1, 30), path=elsewhere(number)) for number in range(20))
    drawn = picture(replace(made, branches=(made.branches[1], *many)))
    check_layout(drawn)
    assert "15 more branches (50 %) are not drawn" in [text.text for text in drawn.texts]


def test_a_place_that_a_link_leads_to_unwalked_is_shown() -> None:
    made = diagnosis()
    cut = made.path._replace(nodes=made.path.nodes[:2])
    drawn = picture(replace(made, path=cut, branches=(made.branches[0]._replace(path=cut),)))
    assert [card.place.name for card in drawn.cards] == ["default/a", "n1", "n2"]
    assert drawn.cards[2].origin.node == -1


def test_a_diagnosis_without_a_way_is_still_a_picture() -> None:
    empty = PacketPath((), ())
    made = diagnosis("unknown", "unknown: node n1 was not collected")
    made = replace(made, path=empty, branches=(made.branches[0]._replace(path=empty),))
    assert "unknown: node n1 was not collected" in [element.text for element in _parsed(made).iter()]


def test_a_way_that_comes_back_to_its_sender_does_not_cross_itself() -> None:
    made = diagnosis("reachable", "reachable")
    links = made.path.links
    sender, node = made.path.nodes[0].place, made.path.nodes[1].place
    hairpin = PacketPath(
        (
            NetNode(sender, (*made.path.nodes[0].actions, Action("serve", 1, (), ()))),
            NetNode(node, (Action("service", 0, (1,), ()),)),
        ),
        (links[0], replace(links[1], hop=links[1].hop._replace(place=sender))),
    )
    drawn = picture(replace(made, path=hairpin, branches=(made.branches[0]._replace(path=hairpin),)))
    check_layout(drawn)
    assert len({(card.x, card.y) for card in drawn.cards}) == 3


def test_equal_diagnoses_give_equal_pictures() -> None:
    assert render_diagnosis(diagnosis(reply=path()), "svg") == render_diagnosis(
        diagnosis(reply=path()), "svg"
    )


def test_a_picture_for_a_page_has_neither_style_nor_declaration() -> None:
    text = svg_text(picture(diagnosis(), heading=False), standalone=False)
    assert text.startswith("<svg ")
    assert "<style" not in text
    assert ':root[data-theme="dark"] .skoop .card>rect{' in page_style()


def test_the_dark_colours_of_a_page_are_bound_to_dark() -> None:
    light, dark = page_style().split("@media", 1)
    assert "data-theme" not in light
    rules = [line for line in dark.split("{", 1)[1].splitlines() if "{fill:" in line or "{stroke:" in line]
    assert len(rules) > 40
    assert all(line.startswith(":root") and "," not in line.partition("{")[0] for line in rules)


def test_cards_and_arrows_of_a_page_are_doors() -> None:
    drawn = picture(diagnosis(), heading=False)
    text = svg_text(drawn, standalone=False, door=lambda shape: f"to-{shape.id}&")
    for identity in [card.id for card in drawn.cards] + [arrow.id for arrow in drawn.arrows]:
        assert f'<a href="#to-{identity}&amp;"><g id="{identity}"' in text
    assert text.count("<a ") == text.count("</a>") == len(drawn.cards) + len(drawn.arrows)


def test_nothing_is_loaded_from_elsewhere() -> None:
    text = render_diagnosis(hostile_diagnosis("x"), "svg").replace("http://www.w3.org/2000/svg", "")
    for word in ("http:", "https:", "url(", "href", "@import", "<script", "<image", "<foreignObject"):
        assert word not in text


def test_findings_do_not_decide_which_branch_a_path_is() -> None:
    made = diagnosis("reachable", "reachable", suspicions=(suspicion(),))
    found = made.path._replace(nodes=tuple(node._replace(suspicions=()) for node in made.path.nodes))
    drawn = picture(replace(made, branches=(made.branches[0]._replace(path=found),)))
    assert all(card.origin.branch is None for card in drawn.cards)
    assert len(drawn.cards) == 3


def test_a_packet_in_a_loop_is_drawn_a_few_times_and_counted() -> None:
    made = diagnosis()
    (link,) = [one for one in made.path.links if one.kind == "infra"]
    places = [Place("node", "n1"), Place("node", "n2")]
    links = tuple(
        replace(link, id=hop, source=places[hop % 2], hop=link.hop._replace(place=places[(hop + 1) % 2]))
        for hop in range(250)
    )
    actions = [
        Action("send", None, (0,), ()),
        *(Action("forward", hop - 1, (hop,), ()) for hop in range(1, 250)),
        Action("drop", 249, (), ()),
    ]
    loop = PacketPath(
        tuple(NetNode(place, tuple(actions[start::2])) for start, place in enumerate(places)), links
    )
    drawn = picture(replace(made, path=loop, branches=(made.branches[0]._replace(path=loop),)))
    check_layout(drawn)
    assert len(drawn.cards) == DRAWN_STOPS
    assert "after 235 more stops: ends here: timeout" in drawn.cards[-1].label
    assert [card.cause for card in drawn.cards] == [False] * (DRAWN_STOPS - 1) + [True]


def test_of_a_flooded_packet_a_few_copies_are_drawn_the_packet_itself_first() -> None:
    made = diagnosis("reachable", "reachable")
    (link,) = [one for one in made.path.links if one.kind == "veth"]
    node = made.path.nodes[1].place
    pods = [Place("pod", f"default/p{number}") for number in range(40)]
    links = tuple(
        replace(link, id=at, source=node, hop=link.hop._replace(place=pod)) for at, pod in enumerate(pods)
    )
    received = [
        NetNode(pod, (Action("serve" if at == 30 else "drop", at, (), ()),)) for at, pod in enumerate(pods)
    ]
    sent = NetNode(node, (Action("send", None, tuple(range(40)), ()),))
    flood = PacketPath((sent, *received), links)
    drawn = picture(replace(made, path=flood, branches=(made.branches[0]._replace(path=flood),)))
    check_layout(drawn)
    assert [card.place.name for card in drawn.cards[:3]] == ["n1", "default/p30", "default/p0"]
    assert "34 more copies are not drawn" in [text.text for text in drawn.cards[0].texts]
    assert [card.symbol.sign for card in drawn.cards if card.symbol] == ["arrives", *["ignored"] * 5]


def test_a_copy_is_no_end_where_the_answer_is_lost() -> None:
    made = hostile_diagnosis("x")
    served = made.branches[0]._replace(fate="dropped", reply=made.reply)
    copied = served.path.links[1]
    other = Place("pod", "default/copy")
    nodes = served.path.nodes
    way = PacketPath(
        (
            nodes[0],
            nodes[1]._replace(actions=(nodes[1].actions[0]._replace(outputs=(1, 2)),)),
            nodes[2],
            NetNode(other, (Action("drop", 2, (), ()),)),
        ),
        (*served.path.links, replace(copied, id=2, hop=copied.hop._replace(place=other))),
    )
    drawn = picture(replace(made, path=way, branches=(served._replace(path=way),)))
    signs = {card.place.name: card.symbol.sign for card in drawn.cards if card.symbol}
    assert (signs["x"], signs["default/copy"]) == ("arrives", "ignored")
