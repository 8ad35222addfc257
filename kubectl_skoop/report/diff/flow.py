"""What the change does to one flow."""

from difflib import ndiff

from kubectl_skoop.diagnosis.result import Diagnosis
from kubectl_skoop.model.path import PacketPath
from kubectl_skoop.report.diff.change import FlowChange, Lines
from kubectl_skoop.report.style import Style
from kubectl_skoop.report.way import Detail, way_lines


def flow_change(before: Diagnosis, after: Diagnosis) -> FlowChange:
    return FlowChange(before, after, _ways(before.path, after.path), _ways(before.reply, after.reply))


def _ways(before: PacketPath | None, after: PacketPath | None) -> Lines:
    old, new = (_written(path) for path in (before, after))
    removed, added = [], []
    for line in ndiff(old, new):
        if line.startswith("- "):
            removed.append(line[2:])
        elif line.startswith("+ "):
            added.append(line[2:])
    return Lines(tuple(removed), tuple(added))


def _written(path: PacketPath | None) -> list[str]:
    """Without the widths of columns, which depend on the other lines."""
    if path is None:
        return []
    return [" ".join(line.split()) for line in way_lines(path, Style(), Detail())]
