"""What `check -o json` printed, read back."""

import json
from typing import Any, get_args

from kubectl_skoop.diagnosis.result import Check, Fact, Missing
from kubectl_skoop.model.errors import FormatError
from kubectl_skoop.model.place import Place, PlaceKind, Where
from kubectl_skoop.model.suspicion import Level, Suspicion


def check_of(text: str) -> Check:
    """Raises: FormatError."""
    try:
        fields = json.loads(text)
        return Check(
            suspicions=tuple(map(_suspicion, fields["suspicions"])),
            facts=tuple(Fact(**fact) for fact in fields["facts"]),
            missing=tuple(Missing(**gap) for gap in fields["missing"]),
        )
    except (ValueError, LookupError, TypeError) as error:
        raise FormatError(f"the findings cannot be read: {type(error).__name__}: {error}") from error


def _suspicion(fields: dict[str, Any]) -> Suspicion:
    return Suspicion(
        code=fields["code"],
        level=Level[fields["level"].upper()],
        where=_where(fields["where"]),
        message=fields["message"],
        evidence=tuple(fields["evidence"]),
        remedy=fields["remedy"],
    )


def _where(fields: dict[str, Any]) -> Where:
    kind = next((one for one in get_args(PlaceKind) if one == fields["kind"]), None)
    details = {name: value for name, value in fields.items() if name not in ("kind", "name")}
    return Where(place=Place(kind, fields["name"]) if kind else None, **details)
