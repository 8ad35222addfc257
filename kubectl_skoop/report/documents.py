"""`-o json` and `-o yaml`."""

from typing import Literal

from kubectl_skoop.diagnosis.result import Check, Diagnosis
from kubectl_skoop.report.fields import Fields, check_fields, diagnosis_fields
from kubectl_skoop.report.json import json_text


def render_fields(fields: Fields, form: Literal["json", "yaml"]) -> str:
    if form == "json":
        return json_text(fields)
    from kubectl_skoop.report.yaml import yaml_text

    return yaml_text(fields)


def diagnosis_json(diagnosis: Diagnosis) -> str:
    return render_fields(diagnosis_fields(diagnosis), "json")


def check_json(check: Check) -> str:
    return render_fields(check_fields(check), "json")


def diagnosis_yaml(diagnosis: Diagnosis) -> str:
    return render_fields(diagnosis_fields(diagnosis), "yaml")


def check_yaml(check: Check) -> str:
    return render_fields(check_fields(check), "yaml")
