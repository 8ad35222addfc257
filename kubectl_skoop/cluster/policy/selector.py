"""Label selectors of the Kubernetes API (apimachinery, LabelSelectorAsSelector) → terms."""

import re
from collections.abc import Mapping

from kubectl_skoop.cluster.policy.rule import Invalid
from kubectl_skoop.cluster.policy.term import All, Everybody, Labelled, Not, Term
from kubectl_skoop.cluster.policy.universe import Scope

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_FIELDS = frozenset({"matchLabels", "matchExpressions"})


def selector(written: object, scope: Scope) -> Term:
    """Empty: everything. Raises: Invalid."""
    if not isinstance(written, Mapping):
        raise Invalid(f"a selector must be a map, not {written!r}")
    if unknown := set(written) - _FIELDS:
        raise Invalid(f"unknown field of a selector: {', '.join(sorted(map(str, unknown)))}")
    terms = [*_match_labels(written.get("matchLabels"), scope)]
    expressions = written.get("matchExpressions") or ()
    if not isinstance(expressions, list | tuple):
        raise Invalid("matchExpressions must be a list")
    terms += [_expression(entry, scope) for entry in expressions]
    match terms:
        case []:
            return Everybody()
        case [only]:
            return only
        case several:
            return All(tuple(several))


def _match_labels(written: object, scope: Scope) -> list[Term]:
    if written is None:
        return []
    if not isinstance(written, Mapping):
        raise Invalid("matchLabels must be a map")
    return [
        Labelled(scope, label_key(key), "in", (label_value(value),)) for key, value in sorted(written.items())
    ]


def _expression(written: object, scope: Scope) -> Term:
    if not isinstance(written, Mapping):
        raise Invalid("an entry of matchExpressions must be a map")
    key = label_key(written.get("key"))
    values = written.get("values") or ()
    if not isinstance(values, list | tuple):
        raise Invalid(f"values of label {key} must be a list")
    match written.get("operator"):
        case "In" | "NotIn" as operator:
            if not values:
                raise Invalid(f"operator {operator} of label {key} needs values")
            term = Labelled(scope, key, "in", tuple(label_value(value) for value in values))
            return Not(term) if operator == "NotIn" else term
        case "Exists" | "DoesNotExist" as operator:
            if values:
                raise Invalid(f"operator {operator} of label {key} takes no values")
            return Labelled(scope, key) if operator == "Exists" else Not(Labelled(scope, key))
        case other:
            raise Invalid(f"unknown operator {other!r} for label {key}: In, NotIn, Exists, DoesNotExist")


def label_key(written: object) -> str:
    """Raises: Invalid."""
    if isinstance(written, str):
        prefix, slash, name = written.rpartition("/")
        well_formed = not slash or (len(prefix) <= 253 and _PREFIX.fullmatch(prefix))
        if well_formed and _NAME.fullmatch(name):
            return written
    raise Invalid(f"{written!r} is no label key")


def label_value(written: object) -> str:
    """Raises: Invalid."""
    if isinstance(written, str) and (not written or _NAME.fullmatch(written)):
        return written
    raise Invalid(f"{written!r} is no label value")
