"""`diff -o json`: described in docs/json.md, `Difference` in schema.json."""

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.report.diff.change import (
    Difference,
    FlowChange,
    Lines,
    ObjectChange,
    PlaceChange,
    TableChange,
)
from kubectl_skoop.report.fields import API_VERSION, Fields, suspicion_fields


def difference_fields(found: Difference) -> Fields:
    return {
        "apiVersion": API_VERSION,
        "kind": "Difference",
        "places": [_place(change) for change in found.places],
        "objects": [_object(change) for change in found.objects],
        "uncompared": [{"what": one.what, "reason": one.reason} for one in found.uncompared],
        "flow": _flow(found.flow) if found.flow else None,
    }


def _place(change: PlaceChange) -> Fields:
    return {
        "kind": change.place.kind,
        "name": change.place.name,
        "change": change.kind,
        "tables": [_table(table) for table in change.tables],
    }


def _table(table: TableChange) -> Fields:
    return {"what": table.what, **_lines(table.lines), "reordered": list(table.reordered)}


def _object(change: ObjectChange) -> Fields:
    return {
        "kind": change.ref.kind,
        "namespace": change.ref.namespace,
        "name": change.ref.name,
        "change": change.kind,
        **_lines(change.lines),
    }


def _flow(flow: FlowChange) -> Fields:
    return {
        "differs": flow.differs,
        "before": _answer(flow.before),
        "after": _answer(flow.after),
        "way": _lines(flow.way),
        "reply": _lines(flow.reply),
    }


def _answer(diagnosis: Diagnosis) -> Fields:
    return {
        "verdict": diagnosis.verdict,
        "headline": diagnosis.headline,
        "symptom": diagnosis.symptom,
        "cause": suspicion_fields(diagnosis.cause) if diagnosis.cause else None,
    }


def _lines(lines: Lines) -> Fields:
    return {"removed": list(lines.removed), "added": list(lines.added)}
