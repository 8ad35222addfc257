"""`-o dot`, `-o d2`, `-o mermaid`: each line has its language's shape, whatever a cluster says."""

import re
from html import unescape

import pytest

from kubectl_skoop.report.formats import Format, render_diagnosis
from tests.report.build import diagnosis
from tests.report.hostile import STRINGS, hostile_diagnosis

QUOTED = r'"(?:[^"\\\n]|\\.)*"'
"""A string in quotes, in which a backslash escapes what follows."""
HEX = r'"#[0-9a-f]{6}"'

DOT = [
    r"digraph way \{",
    rf"label={QUOTED}; labelloc=t; compound=true;",
    r'fontname="sans-serif";',
    r'node \[shape=box, style="rounded,filled", fontname="monospace", fontsize=11\];',
    r'edge \[fontname="monospace", fontsize=10\];',
    r"subgraph cluster_(?:machine\d+|place\d+_\d+) \{",
    rf"label={QUOTED};",
    rf"(?:way|back)\d+ \[label={QUOTED}, fillcolor={HEX}, color={HEX}\];",
    rf"(?:way|back)\d+ -> (?:way|back)\d+ \[label={QUOTED}(?:, style=\"dashed\")?, color={HEX}"
    r"(?:, penwidth=4)?\];",
    r"\}",
]
D2_PATH = r"machine\d+\.place\d+_\d+\.(?:way|back)\d+"
D2_QUOTED = r'"(?:[^"\\\n$]|\\.)*"'
D2 = [
    rf"title: {D2_QUOTED} \{{shape: text; near: top-center\}}",
    rf"(?:machine\d+|place\d+_\d+): {D2_QUOTED} \{{",
    rf"(?:way|back)\d+: {D2_QUOTED}(?: \{{style\.fill: {HEX}; style\.stroke: {HEX}\}})?",
    rf"{D2_PATH} -> {D2_PATH}: {D2_QUOTED}(?: \{{[a-z0-9.:; -]+\}})?",
    r"\}",
]
LABEL = r'"(?:[\w ,:/=+\'.-]|#\d+;|<br/>)*"'
"""Of Mermaid: letters, digits, signs without a meaning, entities and line breaks."""
MERMAID = [
    r"flowchart TB",
    rf"subgraph (?:machine\d+|place\d+_\d+) \[{LABEL}\]",
    rf"(?:way|back)\d+\[{LABEL}\](?::::(?:good|bad|unsure))?",
    rf"(?:way|back)\d+ (?:-->|==>|-\.->)\|{LABEL}\| (?:way|back)\d+",
    r"end",
    r"classDef (?:good|bad|unsure) fill:#[0-9a-f]{6},stroke:#[0-9a-f]{6},color:#[0-9a-f]{6}",
]
LANGUAGES: dict[Format, list[str]] = {"dot": DOT, "d2": D2, "mermaid": MERMAID}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("text", STRINGS.values(), ids=STRINGS)
def test_a_hostile_cluster_adds_no_line(language: Format, text: str) -> None:
    shapes = [re.compile(shape) for shape in LANGUAGES[language]]
    made = render_diagnosis(hostile_diagnosis(text), language)
    harmless = render_diagnosis(hostile_diagnosis("x"), language)
    for line in made.splitlines():
        assert any(shape.fullmatch(line.strip()) for shape in shapes), line
        assert line.isprintable()
    assert len(made.splitlines()) == len(harmless.splitlines())


def test_dot_labels_are_read_as_they_were_written() -> None:
    made = render_diagnosis(hostile_diagnosis('a"\\b&lt;\\'), "dot")
    (place,) = re.findall(rf"label=({QUOTED});", made)[-1:]
    assert unescape(re.sub(r"\\(.)", r"\1", place[1:-1])) == 'pod/ca"\\b&lt;\\'


def test_d2_labels_are_read_as_they_were_written() -> None:
    made = render_diagnosis(hostile_diagnosis('a"\\b${x}\\'), "d2")
    (place,) = re.findall(rf"place\d+_\d+: ({D2_QUOTED})", made)[-1:]
    assert re.sub(r"\\(.)", r"\1", place[1:-1]) == 'pod/ca"\\b${x}\\'


def test_mermaid_labels_are_read_as_they_were_written() -> None:
    made = render_diagnosis(hostile_diagnosis("%%{init}%%<b>`#35;"), "mermaid")
    (place,) = re.findall(rf"subgraph place\d+_\d+ \[({LABEL})\]", made)[-1:]
    assert re.sub(r"#(\d+);", lambda found: chr(int(found[1])), place[1:-1]) == "pod/c%%{init}%%<b>`#35;"


@pytest.mark.parametrize("language", LANGUAGES)
def test_way_tunnel_and_end_are_told(language: Format) -> None:
    made = re.sub(r"#(\d+);", lambda found: chr(int(found[1])), render_diagnosis(diagnosis(), language))
    for shown in (
        "dnat 10.96.0.10:80 -> 10.244.2.3:8080",
        "in vxlan 1 192.168.0.1 > 192.168.0.2",
        "ends here: timeout",
        "cause: rule 3 of FORWARD drops the packet",
    ):
        assert shown in made
