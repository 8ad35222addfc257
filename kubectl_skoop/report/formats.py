"""Output formats by name. Each is loaded when it is asked for."""

from typing import Literal

from kubectl_skoop.diagnosis.result import Check, Diagnosis
from kubectl_skoop.report.fields import Fields, check_fields, diagnosis_fields
from kubectl_skoop.report.style import Style

CheckFormat = Literal["table", "wide", "json", "yaml"]
Format = Literal["table", "wide", "json", "yaml", "svg", "html"]


def render_diagnosis(diagnosis: Diagnosis, form: Format, *, color: bool = False, trace: bool = False) -> str:
    """`trace` is for people only: JSON and YAML have the trace always."""
    match form:
        case "json" | "yaml":
            return render_fields(diagnosis_fields(diagnosis), form)
        case "table" | "wide":
            from kubectl_skoop.report.table import diagnosis_text

            return diagnosis_text(diagnosis, Style(color), wide=form == "wide", trace=trace)
        case "svg":
            from kubectl_skoop.report.picture.layout import picture
            from kubectl_skoop.report.picture.svg import svg_text

            return svg_text(picture(diagnosis))
        case "html":
            from kubectl_skoop.report.html.answer import diagnosis_html

            return diagnosis_html(diagnosis)


def render_check(check: Check, form: CheckFormat, *, color: bool = False) -> str:
    match form:
        case "json" | "yaml":
            return render_fields(check_fields(check), form)
        case "table" | "wide":
            from kubectl_skoop.report.table import check_text

            return check_text(check, Style(color), wide=form == "wide")


def render_fields(fields: Fields, form: Literal["json", "yaml"]) -> str:
    if form == "json":
        from kubectl_skoop.report.json import json_text

        return json_text(fields)
    from kubectl_skoop.report.yaml import yaml_text

    return yaml_text(fields)
