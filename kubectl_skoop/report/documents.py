"""`-o json` and `-o yaml` of a Diagnosis and of a Check."""

from kubectl_skoop.diagnosis.result import Check, Diagnosis
from kubectl_skoop.report.fields import check_fields, diagnosis_fields
from kubectl_skoop.report.json import json_text


def diagnosis_json(diagnosis: Diagnosis) -> str:
    return json_text(diagnosis_fields(diagnosis))


def check_json(check: Check) -> str:
    return json_text(check_fields(check))


def diagnosis_yaml(diagnosis: Diagnosis) -> str:
    from kubectl_skoop.report.yaml import yaml_text

    return yaml_text(diagnosis_fields(diagnosis))


def check_yaml(check: Check) -> str:
    from kubectl_skoop.report.yaml import yaml_text

    return yaml_text(check_fields(check))
