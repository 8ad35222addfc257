"""What changed between two snapshots, in the terms of the kernel's tools."""

from kubectl_skoop.report.diff.change import Difference, FlowChange
from kubectl_skoop.report.diff.fields import difference_fields
from kubectl_skoop.report.diff.flow import flow_change
from kubectl_skoop.report.diff.snapshots import difference
from kubectl_skoop.report.diff.text import difference_text

__all__ = [
    "Difference",
    "FlowChange",
    "difference",
    "difference_fields",
    "difference_text",
    "flow_change",
]
