"""Whether what a stranger's code made is of the types that it declares."""

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from types import UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def checked(value: object, kind: type[T]) -> T:
    """The value, with fields as it declares them. Raises: TypeError."""
    if not isinstance(value, kind):
        raise TypeError(f"{_short(value)} is no {kind.__name__}")
    check_fields(value)
    return value


def check_fields(value: object) -> None:
    """Of a dataclass or NamedTuple. Raises: TypeError."""
    for problem in _problems(value):
        raise TypeError(problem)


def _problems(value: Any) -> Iterator[str]:
    for name, types in _declared(value.__class__).items():
        found = getattr(value, name)
        if not isinstance(found, types):
            wanted = " or ".join(kind.__name__ for kind in types)
            yield f"{type(value).__name__}: {name} is {_short(found)}, not of type {wanted}"
        if _declared(found.__class__):
            yield from _problems(found)


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]} …"


@cache
def _declared(kind: type) -> Mapping[str, tuple[type, ...]]:
    """By field; empty for what is neither a dataclass nor a NamedTuple."""
    if dataclasses.is_dataclass(kind):
        names: Iterable[str] = [field.name for field in dataclasses.fields(kind)]
    else:
        names = getattr(kind, "_fields", ())
    hints = get_type_hints(kind) if names else {}
    return {name: tuple(_types(hints[name])) for name in names}


def _types(hint: Any) -> Iterator[type]:
    """What a value may be an instance of; of what cannot be told: anything."""
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        for each in get_args(hint):
            yield from _types(each)
    elif origin is Literal:
        yield from {type(value) for value in get_args(hint)}
    else:
        yield origin or hint if isinstance(origin or hint, type) else object
