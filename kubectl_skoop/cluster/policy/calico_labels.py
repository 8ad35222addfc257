"""Calico's selectors, asked of the labels of one object."""

from collections.abc import Mapping
from functools import partial

from kubectl_skoop.cluster.policy.calico_selector import calico_selector
from kubectl_skoop.cluster.policy.term import EVERYBODY, All, Everybody, Nobody, Not, Some, Term


def selects(selector: str, labels: Mapping[str, str]) -> bool:
    """An empty selector is all(). Raises: Invalid."""
    return _holds(calico_selector(selector, partial(_leaf, labels)))


def _leaf(labels: Mapping[str, str], key: str, test: str, values: tuple[str, ...]) -> Term:
    value = labels.get(key)
    if value is None:
        return Nobody()
    match test:
        case "exists":
            fits = True
        case "contains":
            fits = values[0] in value
        case "starts with":
            fits = value.startswith(values[0])
        case "ends with":
            fits = value.endswith(values[0])
        case _:
            fits = value in values
    return EVERYBODY if fits else Nobody()


def _holds(term: Term) -> bool:
    match term:
        case All():
            return all(map(_holds, term.inner()))
        case Some():
            return any(map(_holds, term.inner()))
        case Not():
            return not any(map(_holds, term.inner()))
        case _:
            return isinstance(term, Everybody)
