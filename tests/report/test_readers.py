"""Documents as programs of others read them: Graphviz draws our DOT, junitparser counts our JUnit."""

import os
import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest
from junitparser import Error, Failure, JUnitXml

from kubectl_skoop.report.formats import render_check, render_diagnosis
from tests.report.build import check, diagnosis, suspicion
from tests.report.hostile import STRINGS, hostile_check, hostile_diagnosis

SVG = "{http://www.w3.org/2000/svg}"
KINDS = ("node", "edge")


def _drawn(dot: str) -> ElementTree.Element:
    program = shutil.which("dot")
    if program is None:
        reason = "there is no dot; on Debian: apt install graphviz"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    done = subprocess.run([program, "-Tsvg"], input=dot, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return ElementTree.fromstring(done.stdout)


@pytest.mark.parametrize("text", ["x", *STRINGS.values()], ids=["harmless", *STRINGS])
def test_graphviz_draws_each_stop_and_no_other(text: str) -> None:
    groups = list(_drawn(render_diagnosis(hostile_diagnosis(text), "dot")).iter(f"{SVG}g"))
    drawn = {
        kind: [group.findtext(f"{SVG}title") for group in groups if group.get("class") == kind]
        for kind in KINDS
    }
    assert sorted(map(str, drawn["node"])) == ["back4", "back5", "back6", "way0", "way1", "way2", "way3"]
    assert sorted(map(str, drawn["edge"])) == [
        "back4->back5",
        "back5->back6",
        "way0->way1",
        "way1->way2",
        "way1->way3",
    ]


@pytest.mark.parametrize("text", ["x", *STRINGS.values()], ids=["harmless", *STRINGS])
def test_junit_is_read_whole(text: str, tmp_path: Path) -> None:
    file = tmp_path / "found.xml"
    file.write_text(render_check(hostile_check(text), "junit"), "utf-8")
    (suite,) = JUnitXml.fromfile(str(file))
    cases = list(suite)
    assert suite.tests == len(cases) > 0
    results = [result for case in cases for result in case.result]
    assert suite.failures == sum(isinstance(result, Failure) for result in results) > 0
    assert suite.errors == sum(isinstance(result, Error) for result in results)


def test_junit_of_a_question_and_of_nothing_found(tmp_path: Path) -> None:
    file = tmp_path / "found.xml"
    for text, failures in (
        (render_diagnosis(diagnosis(), "junit"), 1),
        (render_check(check(), "junit"), 0),
        (render_check(check(suspicion()), "junit"), 1),
    ):
        file.write_text(text, "utf-8")
        assert JUnitXml.fromfile(str(file)).failures == failures
