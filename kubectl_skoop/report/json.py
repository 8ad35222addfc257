"""`-o json`: stable, indented, ASCII only, so that nothing of a snapshot reaches the terminal as it is."""

import json

from kubectl_skoop.report.fields import Fields


def json_text(fields: Fields) -> str:
    return json.dumps(fields, indent=2, ensure_ascii=True, allow_nan=False) + "\n"
