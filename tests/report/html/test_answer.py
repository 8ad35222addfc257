"""`-o html`: one file that loads nothing and in which nothing of a snapshot is markup."""

import base64
import hashlib
import re
from fractions import Fraction
from html import unescape

import pytest

from kubectl_skoop.model.path import Hop, Link
from kubectl_skoop.model.place import Place
from kubectl_skoop.report.formats import render_diagnosis
from kubectl_skoop.report.html.answer import answer
from kubectl_skoop.report.html.crossing import link_panel
from kubectl_skoop.report.html.links import Links
from tests.report.build import NODE_1, SYN, diagnosis, ending, path, suspicion
from tests.report.hostile import STRINGS, hostile_diagnosis
from tests.report.html.check_page import check


@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_hostile_strings_stay_text(text: str) -> None:
    page = check(render_diagnosis(hostile_diagnosis(text), "html"))
    assert page.scripts == 1


def test_the_page_has_the_same_elements_whatever_the_strings_are() -> None:
    def elements(text: str) -> list[str]:
        return [tag for tag in check(render_diagnosis(hostile_diagnosis(text), "html")).tags if tag != "text"]

    plain = elements("abc")
    for name in ("quotes", "markup", "code fence", "graph", "formula"):
        assert elements(STRINGS[name]) == plain


def test_the_policy_allows_the_own_style_and_script_and_nothing_else() -> None:
    text = render_diagnosis(diagnosis(), "html")
    found = re.search(r'http-equiv="Content-Security-Policy" content="([^"]+)"', text)
    assert found
    policy = dict(part.strip().split(" ", 1) for part in unescape(found.group(1)).split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    for directive, tag in (("style-src", "style"), ("script-src", "script")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.S)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert text.index("Content-Security-Policy") < text.index("<style")


def test_each_door_of_the_picture_leads_to_a_panel() -> None:
    branches = (ending(Fraction(2, 3)), ending(Fraction(1, 3), suspicion()))
    text = render_diagnosis(diagnosis("partial", branches=branches, reply=path()), "html")
    doors = set(re.findall(r'<a href="#([^"]+)"><g', text))
    assert len(doors) > 4
    assert doors <= set(re.findall(r'<section id="([^"]+)" class="panel"', text))


def test_the_page_says_what_the_table_says() -> None:
    made = diagnosis(
        assumptions=("the clock is right",), suspicions=(suspicion(), suspicion("a.b", message="and that"))
    )
    said = check(render_diagnosis(made, "html")).text
    for words in (made.headline, "iptables -D FORWARD 3", "and that", "the clock is right", "network plugin"):
        assert words in said


def test_steps_and_findings_lead_where_the_links_say() -> None:
    links = Links(
        lambda place: f"tables-{place.name}",
        lambda place, step: f"step-{place.name}-{step.where.chain}",
        lambda finding: f"found-{finding.code}",
    )
    text = answer(diagnosis(), links)
    assert 'href="tables-n2"' in text
    assert 'href="step-n2-FORWARD"' in text
    assert 'href="found-netfilter.drop"' in text


def test_without_links_there_are_none() -> None:
    text = re.sub(r'href="#', "", answer(diagnosis(), Links()))
    assert "href" not in text


def test_equal_diagnoses_give_equal_bytes() -> None:
    assert render_diagnosis(diagnosis(), "html") == render_diagnosis(diagnosis(), "html")


@pytest.mark.parametrize(
    ("source", "target", "said"),
    [
        (Place("external", "203.0.113.7"), NODE_1, "from the outside"),
        (NODE_1, Place("external", "203.0.113.7"), "to the outside"),
        (Place("external", "203.0.113.7"), Place("lb", "198.51.100.80"), "by a load balancer"),
        (Place("lb", "198.51.100.80"), NODE_1, "by a load balancer"),
    ],
)
def test_which_way_a_packet_crosses_the_border_is_said(source: Place, target: Place, said: str) -> None:
    link = Link(id=0, kind="external", source=source, oif="", hop=Hop(target, "eth0"), packet=SYN)
    assert f"Way: {said}<" in str(link_panel("l", "Way", link, None))
