"""Reports on terminals: wrapped, never cut; the same words at every width, with colour and without."""

import re
from fractions import Fraction

import pytest

from kubectl_skoop.diagnosis.result import Check, Diagnosis, Missing
from kubectl_skoop.model.suspicion import Level
from kubectl_skoop.report.columns import broken, cut, pad, width
from kubectl_skoop.report.formats import render_check, render_diagnosis
from kubectl_skoop.report.style import Style
from tests.report.build import RULE, check, diagnosis, ending, path, suspicion
from tests.report.hostile import STRINGS, hostile_diagnosis

WIDTHS = (40, 60, 80, 200)


def _full() -> Diagnosis:
    """With everything that a report can have."""
    lost = ending(Fraction(1, 3), suspicion(), "KUBE-SVC-X: 1/3 to KUBE-SEP-B")
    return diagnosis(
        "partial",
        "partial, 33 % of connections fail (timeout): node/n2: rule 3 of FORWARD drops the packet of a",
        branches=(ending(Fraction(2, 3)), lost),
        suspicions=(
            suspicion(),
            suspicion("flannel.fdb.missing", Level.CRITICAL, message=("the entry is missing " * 5).rstrip()),
            suspicion("device.mtu", Level.WARNING, message="a warning"),
            suspicion("policy.no-effect", Level.INFO, message="a remark"),
        ),
        reply=path(),
        assumptions=("node/n2 hears node/n1 on the underlay, as is usual where nothing else was collected",),
        missing=(Missing("node/n3", "failed", "the collector did not answer within the time that it had"),),
    )


def _words(text: str) -> list[str]:
    return re.sub(r"\x1b\[[0-9;]*m", "", text).split()


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("form", ["table", "wide"])
@pytest.mark.parametrize("trace", [False, True], ids=["", "trace"])
def test_no_line_is_wider_than_the_terminal_and_no_word_is_lost(columns: int, form: str, trace: bool) -> None:
    assert form in ("table", "wide")
    made = render_diagnosis(_full(), "wide" if form == "wide" else "table", columns=columns, trace=trace)
    plain = render_diagnosis(_full(), "wide" if form == "wide" else "table", trace=trace)
    for line in made.splitlines():
        assert width(line) <= columns or len(line.split()) == 1, line
        assert line == line.rstrip()
    assert _words(made) == _words(plain)


@pytest.mark.parametrize("columns", WIDTHS)
def test_colour_changes_nothing_but_colour(columns: int) -> None:
    coloured = render_diagnosis(_full(), "table", columns=columns, color=True, trace=True)
    plain = render_diagnosis(_full(), "table", columns=columns, trace=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


@pytest.mark.parametrize("columns", WIDTHS)
def test_a_check_is_wrapped_too(columns: int) -> None:
    made: Check = check(suspicion(message=("a long sentence " * 20).rstrip()), suspicion())
    text = render_check(made, "table", columns=columns)
    assert all(width(line) <= columns for line in text.splitlines())
    assert _words(text) == _words(render_check(made, "table"))


def test_a_narrow_terminal_has_the_packet_below_its_place() -> None:
    text = render_diagnosis(diagnosis(), "table", columns=60)
    assert text[text.index("Way\n") :] == (
        "Way\n"
        "  pod/default/a  send     -> eth0\n"
        "      10.244.1.2:41000 > 10.96.0.10:80 tcp SYN\n"
        "  node/n1        service  veth1 -> ens3\n"
        "      10.244.1.2:41000 > 10.244.2.3:8080 tcp SYN\n"
        "      dnat 10.96.0.10:80 -> 10.244.2.3:8080\n"
        "      in vxlan 1 192.168.0.1 > 192.168.0.2\n"
        "  node/n2        drop     ens3 ->\n"
        "      10.244.1.2:41000 > 10.244.2.3:8080 tcp SYN\n"
        "      in vxlan 1 192.168.0.1 > 192.168.0.2\n"
    )


@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_a_hostile_cluster_controls_no_terminal(text: str) -> None:
    for columns in (0, 60):
        made = render_diagnosis(hostile_diagnosis(text), "wide", columns=columns, trace=True)
        assert all(line.isprintable() for line in made.split("\n"))


def test_findings_are_folded_by_weight() -> None:
    others = [
        suspicion("a.a", Level.CRITICAL, message="critical one"),
        suspicion("b.b", Level.WARNING, message="warning one"),
        *(suspicion("c.c", Level.INFO, message=f"remark {number}") for number in range(10)),
    ]
    text = render_diagnosis(diagnosis(suspicions=(suspicion(), *others)), "table")
    shown = text[text.index("Other findings") :].splitlines()[1:15]
    place = "node/n2 filter FORWARD rule 3"
    assert shown[:10] == [
        f"  critical  {place}: critical one",
        f"            {RULE}",
        "            mend: iptables -D FORWARD 3",
        "            code: a.a",
        f"  warning   {place}: warning one",
        "            mend: iptables -D FORWARD 3",
        "            code: b.b",
        f"  info      {place}: remark 0",
        f"  info      {place}: remark 1",
        f"  info      {place}: remark 2",
    ]
    assert "  and 2 more (-o wide): 2 info" in text
    assert render_diagnosis(diagnosis(suspicions=(suspicion(), *others)), "wide").count("code: c.c") == 10


def test_east_asian_text_takes_two_columns() -> None:
    assert width("网络a") == 5
    assert pad("网", 4) == "网  "
    assert list(broken("网络网络", 4)) == ["网络", "网络"]
    assert cut("网络网络", 5) == "网络…"


def test_a_word_that_is_too_wide_stays_whole() -> None:
    assert list(Style(columns=30).lines("a " + "x" * 50 + " b", "  ")) == ["  a", "  " + "x" * 50, "  b"]
