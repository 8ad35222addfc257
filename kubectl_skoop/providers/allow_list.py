"""Allow-lists of fields: what is kept of a cloud's answers, so that no secret can be in a snapshot."""

from collections.abc import Mapping
from typing import NamedTuple

Item = Mapping[str, object]
"""One thing that a cloud tells of."""
Spec = Mapping[str, object]
"""Fields by name: 1 a text or number, or a list of them; a Spec a map; a list of one Spec a list of maps."""


class Kind(NamedTuple):
    """One list of an answer."""

    key: str
    """What it is found by."""
    fields: Spec


def allowed(item: Item, fields: Spec, where: str) -> dict[str, object]:
    """Raises: ValueError (a field of another type than the API's, named by `where`)."""
    return {
        name: _value(item[name], spec, f"{where}.{name}")
        for name, spec in fields.items()
        if item.get(name) is not None
    }


def _value(value: object, spec: object, where: str) -> object:
    match spec:
        case 1 if isinstance(value, str | int | bool):
            return value
        case 1 if isinstance(value, list) and all(isinstance(entry, str | int) for entry in value):
            return value
        case [Mapping() as fields] if isinstance(value, list):
            if all(isinstance(entry, Mapping) for entry in value):
                return [allowed(entry, fields, where) for entry in value]
        case Mapping() as fields if isinstance(value, Mapping):
            return allowed(value, fields, where)
    raise ValueError(f"{where} is {type(value).__name__}, which the API does not answer")
