"""`connectivity --diff`: what became open or closed."""

from kubectl_skoop.cluster.connectivity import OUTSIDE
from kubectl_skoop.cluster.connectivity_diff import Change, Difference
from kubectl_skoop.cluster.policy.port import ports_text
from kubectl_skoop.report.connectivity.text import columns
from kubectl_skoop.report.connectivity.view import outside_text
from kubectl_skoop.report.escape import safe
from kubectl_skoop.report.fields import Fields

HEADINGS = ("FROM", "TO", "BEFORE", "AFTER", "")


def difference_text(found: Difference, *, headers: bool = True) -> str:
    rows = [
        (
            *_ends(change),
            ports_text(change.before),
            ports_text(change.after),
            "partly unknown" if change.unknown else "",
        )
        for change in found.changes
    ]
    parts = [columns(HEADINGS, rows, headers=headers)] if rows else []
    for title, names in (("Gone", found.gone), ("New", found.new)):
        if names:
            parts.append("\n".join([f"{title}:", *(f"  {safe(name)}" for name in names)]))
    return "\n\n".join(parts or ["no difference"]) + "\n"


def difference_fields(found: Difference) -> Fields:
    return {
        "apiVersion": "skoop/v1",
        "kind": "ConnectivityDifference",
        "changes": [
            {
                "from": source,
                "to": destination,
                "before": ports_text(change.before),
                "after": ports_text(change.after),
                "unknown": change.unknown,
            }
            for change in found.changes
            for source, destination in (_ends(change, whole=True),)
        ],
        "gone": list(found.gone),
        "new": list(found.new),
    }


def _ends(change: Change, *, whole: bool = False) -> tuple[str, str]:
    source, destination = (
        outside_text(change.addresses, whole=whole) if end == OUTSIDE else end
        for end in (change.source, change.destination)
    )
    return source, destination
