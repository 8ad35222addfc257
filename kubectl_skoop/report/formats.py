"""Output formats by name. Each is loaded when it is asked for."""

from collections.abc import Callable
from importlib import import_module
from typing import Any, Literal

from kubectl_skoop.diagnosis.result import Check, Diagnosis
from kubectl_skoop.report.style import Style

Format = Literal[
    "table",
    "wide",
    "json",
    "yaml",
    "markdown",
    "svg",
    "html",
    "d2",
    "dot",
    "mermaid",
    "junit",
    "sarif",
    "kubeskoop-json",
]
CheckFormat = Literal["table", "wide", "json", "yaml", "markdown", "junit", "sarif"]

PEOPLE = ("table", "wide")
"""What is read on a terminal; all others are documents."""

_DIAGNOSIS: dict[str, str] = {
    "json": "documents:diagnosis_json",
    "yaml": "documents:diagnosis_yaml",
    "svg": "picture.svg:diagnosis_svg",
    "html": "html.answer:diagnosis_html",
    "d2": "d2:diagnosis_d2",
    "dot": "dot:diagnosis_dot",
    "mermaid": "mermaid:diagnosis_mermaid",
    "junit": "junit:diagnosis_junit",
    "sarif": "sarif:diagnosis_sarif",
    "kubeskoop-json": "kubeskoop_json:diagnosis_kubeskoop_json",
}
_CHECK: dict[str, str] = {
    "json": "documents:check_json",
    "yaml": "documents:check_yaml",
    "markdown": "markdown:check_markdown",
    "junit": "junit:check_junit",
    "sarif": "sarif:check_sarif",
}


def render_diagnosis(
    diagnosis: Diagnosis, form: Format, *, color: bool = False, columns: int = 0, trace: bool = False
) -> str:
    """`color` and `columns` (0: not wrapped) are of a terminal. `trace`: JSON has it always."""
    match form:
        case "table" | "wide":
            from kubectl_skoop.report.table import diagnosis_text

            return diagnosis_text(diagnosis, Style(color, columns), wide=form == "wide", trace=trace)
        case "markdown":
            from kubectl_skoop.report.markdown import diagnosis_markdown

            return diagnosis_markdown(diagnosis, trace=trace)
        case _:
            return _renderer(_DIAGNOSIS[form])(diagnosis)


def render_check(check: Check, form: CheckFormat, *, color: bool = False, columns: int = 0) -> str:
    match form:
        case "table" | "wide":
            from kubectl_skoop.report.table import check_text

            return check_text(check, Style(color, columns), wide=form == "wide")
        case _:
            return _renderer(_CHECK[form])(check)


def _renderer(entry: str) -> Callable[[Any], str]:
    """Imports a function of this package, by `module:name`."""
    module, _, name = entry.partition(":")
    function: Callable[[Any], str] = getattr(import_module(f"kubectl_skoop.report.{module}"), name)
    return function
