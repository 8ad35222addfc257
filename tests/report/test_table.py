"""`-o table` and `-o wide`: what a person reads, in which order."""

from dataclasses import replace
from fractions import Fraction

import pytest

from kubectl_skoop.diagnosis.result import Missing
from kubectl_skoop.model.path import PacketPath
from kubectl_skoop.model.place import Where
from kubectl_skoop.model.share import percent
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.report.formats import Format, render_check, render_diagnosis
from tests.report.build import NODE_1, RULE, check, diagnosis, ending, path, suspicion


def test_the_first_line_is_the_answer() -> None:
    made = diagnosis("reachable", "reachable, but packets above 1300 bytes are lost")
    assert (
        render_diagnosis(made, "table").splitlines()[0] == "reachable, but packets above 1300 bytes are lost"
    )


def test_the_cause_is_named_with_place_rule_and_remedy() -> None:
    lines = render_diagnosis(diagnosis(), "table").splitlines()
    assert lines[2:7] == [
        "Cause",
        "  fatal     node/n2 filter FORWARD rule 3: rule 3 of FORWARD drops the packet",
        f"            {RULE}",
        "            mend: iptables -D FORWARD 3",
        "            code: netfilter.drop",
    ]


def test_the_way_shows_nodes_devices_translation_and_tunnel_in_columns() -> None:
    text = render_diagnosis(diagnosis(), "table")
    assert text[text.index("Way\n") :] == (
        "Way\n"
        "  pod/default/a  send     -> eth0        10.244.1.2:41000 > 10.96.0.10:80 tcp SYN\n"
        "  node/n1        service  veth1 -> ens3  10.244.1.2:41000 > 10.244.2.3:8080 tcp SYN\n"
        "                 dnat 10.96.0.10:80 -> 10.244.2.3:8080\n"
        "                 in vxlan 1 192.168.0.1 > 192.168.0.2\n"
        "  node/n2        drop     ens3 ->        10.244.1.2:41000 > 10.244.2.3:8080 tcp SYN\n"
        "                 in vxlan 1 192.168.0.1 > 192.168.0.2\n"
    )


def test_trace_shows_each_rule_that_was_met() -> None:
    shown = f"FORWARD filter FORWARD 3: {RULE} => drop"
    assert shown in render_diagnosis(diagnosis(), "table", trace=True)
    assert shown not in render_diagnosis(diagnosis(), "table")
    assert render_diagnosis(diagnosis(reply=path()), "table", trace=True).count(shown) == 2


def test_branches_have_shares_ends_and_causes_and_wide_their_choices() -> None:
    broken = ending(Fraction(1, 3), suspicion(), "KUBE-SVC-X: 1/3 to KUBE-SEP-B")
    made = diagnosis("partial", "partial: 33 % fail", branches=(ending(Fraction(2, 3)), broken))
    text = render_diagnosis(made, "table")
    assert "    67 %  served   at node/n2, answer\n" in text
    assert "    33 %  dropped  at node/n2, timeout: rule 3 of FORWARD drops the packet\n" in text
    assert "KUBE-SEP-B" not in text
    assert "          chosen: KUBE-SVC-X: 1/3 to KUBE-SEP-B\n" in render_diagnosis(made, "wide")


def test_one_branch_needs_no_list() -> None:
    assert "Branches" not in render_diagnosis(diagnosis(), "table")


def test_the_way_back_assumptions_and_gaps_are_shown() -> None:
    made = diagnosis(
        "unknown",
        "unknown: node n3 was not collected",
        reply=path(),
        assumptions=("10.0.0.9 answers for its address",),
        missing=(Missing(what="node/n3", state="not collected", reason="no dump"),),
    )
    text = render_diagnosis(made, "table")
    for shown in (
        "Way back\n",
        "  10.0.0.9 answers for its address\n",
        "  node/n3: not collected (no dump)\n",
    ):
        assert shown in text


def test_the_table_shows_ten_other_findings_and_wide_all() -> None:
    others = tuple(
        suspicion(f"x.y{number}", Level.WARNING, message=f"finding {number}") for number in range(13)
    )
    made = diagnosis(suspicions=(suspicion(), *others))
    assert render_diagnosis(made, "table").count(": finding ") == 10
    assert "and 3 more (-o wide)" in render_diagnosis(made, "table")
    assert render_diagnosis(made, "wide").count(": finding ") == 13


def test_the_cause_is_not_repeated_among_the_findings() -> None:
    assert "Other findings" not in render_diagnosis(diagnosis(), "table")


def test_wide_says_what_was_detected_and_from_what() -> None:
    assert "network plugin: flannel (from daemonset kube-flannel)" in render_diagnosis(diagnosis(), "wide")


def test_a_check_begins_with_the_count_by_level() -> None:
    found = check(
        suspicion(level=Level.CRITICAL), suspicion(level=Level.WARNING), suspicion(level=Level.WARNING)
    )
    assert render_check(found, "table").splitlines()[0] == "findings: 1 critical, 2 warning"
    assert render_check(check(), "table") == "nothing found\n"


def test_color_changes_nothing_but_color() -> None:
    plain, colored = (
        render_diagnosis(diagnosis(), "table"),
        render_diagnosis(diagnosis(), "table", color=True),
    )
    assert "\x1b[" in colored
    assert "\x1b[" not in plain
    for code in ("0", "1", "2", "31", "32", "33", "36", "1;31"):
        colored = colored.replace(f"\x1b[{code}m", "")
    assert colored == plain


def test_text_of_a_snapshot_cannot_control_the_terminal() -> None:
    evil = suspicion(
        where=Where(place=NODE_1, device="eth0\x1b[2J"),
        message="\x1b]0;owned\x07\u202eabc",
        evidence=("-A X\r\n-j ACCEPT",),
        remedy="\x9b31m",
    )
    text = render_diagnosis(
        diagnosis(
            headline="\x1b[1mreachable",
            cause=evil,
            branches=(ending(Fraction(1, 2), evil, "\x07"), ending(Fraction(1, 2))),
            missing=(Missing(what="\x00", state="failed", reason="\x1b"),),
            assumptions=("\x1b",),
        ),
        "wide",
        trace=True,
    )
    assert all(line.isprintable() for line in text.split("\n"))
    assert "\\x1b]0;owned\\x07\\u202eabc" in text
    assert "-A X\\r\\n-j ACCEPT" in text


@pytest.mark.parametrize(
    ("share", "shown"),
    [
        pytest.param(Fraction(1, 3), "33 %", id="a third"),
        pytest.param(Fraction(1, 1000), "<1 %", id="little is not nothing"),
        pytest.param(Fraction(999, 1000), ">99 %", id="nearly all is not all"),
        pytest.param(Fraction(0), "0 %", id="nothing"),
        pytest.param(Fraction(1), "100 %", id="all"),
    ],
)
def test_shares_round_without_lying(share: Fraction, shown: str) -> None:
    assert percent(share) == shown


@pytest.mark.parametrize("output", ["table", "wide", "markdown", "junit"])
def test_a_walk_that_never_began_has_no_way(output: Format) -> None:
    nowhere = replace(diagnosis("unknown"), path=PacketPath(nodes=(), links=()))
    assert "Way" not in render_diagnosis(nowhere, output)
    assert "Way" in render_diagnosis(diagnosis("unknown"), output)
