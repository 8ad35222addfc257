"""`-o markdown`: read by a CommonMark parser, a cluster's text is text and nothing else."""

from collections.abc import Iterator

import pytest
from markdown_it import MarkdownIt
from markdown_it.token import Token

from kubectl_skoop.diagnosis.result import Missing
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.formats import render_check, render_diagnosis
from kubectl_skoop.report.markdown import block, code, inline
from tests.report.build import RULE, check, diagnosis, path, suspicion
from tests.report.hostile import STRINGS, hostile_check, hostile_diagnosis

PARSER = MarkdownIt("gfm-like", {"html": True, "linkify": False})
OPENED = ("heading", "paragraph", "strong", "bullet_list", "list_item")
HARMLESS = {"inline", "fence", "text", "code_inline"} | {
    f"{kind}_{end}" for kind in OPENED for end in ("open", "close")
}


def _tokens(text: str) -> Iterator[Token]:
    for token in PARSER.parse(text):
        yield token
        yield from token.children or ()


def _kinds(text: str) -> list[str]:
    return [token.type for token in _tokens(text) if token.type not in ("text", "code_inline")]


@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_a_hostile_cluster_makes_no_markup(text: str) -> None:
    for made, harmless in (
        (
            render_diagnosis(hostile_diagnosis(text), "markdown"),
            render_diagnosis(hostile_diagnosis("x"), "markdown"),
        ),
        (render_check(hostile_check(text), "markdown"), render_check(hostile_check("x"), "markdown")),
    ):
        assert {token.type for token in _tokens(made)} <= HARMLESS
        assert all(line.isprintable() for line in made.split("\n"))
        if text.strip():
            assert _kinds(made) == _kinds(harmless)


@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_what_is_shown_is_what_was_given(text: str) -> None:
    (paragraph,) = [token for token in PARSER.parse(f"x {inline(text)} x") if token.type == "inline"]
    shown = "".join(token.content for token in paragraph.children or ())
    assert shown.replace(" ", "") == f"x{safe(text)}x".replace(" ", "")
    (span,) = [token for token in PARSER.parse(f"x {code(text)} x") if token.type == "inline"]
    assert "".join(token.content for token in span.children or ()).replace(
        " ", ""
    ) == f"x{safe(text)}x".replace(" ", "")


@pytest.mark.parametrize(
    "word", ["@someone", "#12", "http://192.0.2.1", "www.example.com", "a_b_c", "*a*", "<b>"]
)
def test_a_word_that_could_mean_something_is_code(word: str) -> None:
    assert inline(f"see {word} there") == f"see `{word}` there"


def test_a_block_cannot_be_ended_from_inside() -> None:
    (fence,) = PARSER.parse("\n".join(block(["```", "````", "<b>"])))
    assert (fence.type, fence.content) == ("fence", "```\n````\n<b>\n")


def test_the_answer_comes_first_then_the_cause_with_evidence_and_mend() -> None:
    lines = render_diagnosis(diagnosis(reply=path()), "markdown").splitlines()
    assert lines[:10] == [
        "### pod/default/a (10.244.1.2) to service/shop/web (10.96.0.10), tcp 80",
        "",
        "**Answer:** unreachable: rule 3 of FORWARD on node n2 drops the packet",
        "",
        "**Cause:** fatal, node/n2 filter FORWARD rule 3: "
        "rule 3 of FORWARD drops the packet (`netfilter.drop`)",
        "",
        "```text",
        RULE,
        "```",
        "",
    ]
    assert lines[10] == "**Mend:** iptables -D FORWARD 3"
    assert "**Way back:**" in lines


def test_a_check_tells_findings_and_gaps() -> None:
    made = check(suspicion("flannel.fdb.missing"), missing=(Missing("node/n3", "failed", "no answer"),))
    text = render_check(made, "markdown")
    assert text.startswith("### findings: 1 fatal\n")
    assert "- node/n3: failed (no answer)\n" in text
