"""Kubernetes objects as plain data, as the API server prints them, and safe ways into it."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

Object = Mapping[str, object]
"""One object, cut down to what is allowed (cluster.allow)."""

_NOTHING: Mapping[str, object] = {}
_MAPS = (dict, Mapping)
"""The first is what nearly all are, and asked much faster."""
_LISTS = (list, tuple)


class Ref(NamedTuple):
    """Which object."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return "/".join(part for part in (self.kind.lower(), self.namespace, self.name) if part)


def ref_of(item: Object) -> Ref:
    metadata = mapping(item, "metadata")
    return Ref(text(item, "kind"), text(metadata, "namespace"), text(metadata, "name"))


def dig(item: object, *path: str) -> object:
    """What is at the path, None where the path ends early."""
    for key in path:
        if item is None or not isinstance(item, _MAPS):
            return None
        item = item.get(key)
    return item


def text(item: object, *path: str) -> str:
    for key in path:  # as `dig` does it, without one call more: these are most of reading a large cluster
        if item is None or not isinstance(item, _MAPS):
            return ""
        item = item.get(key)
    return item if isinstance(item, str) else ""


def number(item: object, *path: str) -> int:
    value = dig(item, *path)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def flag(item: object, *path: str) -> bool:
    return dig(item, *path) is True


def mapping(item: object, *path: str) -> Mapping[str, object]:
    value = dig(item, *path)
    return value if isinstance(value, _MAPS) else _NOTHING


def items(item: object, *path: str) -> Sequence[object]:
    value = dig(item, *path)
    return value if isinstance(value, _LISTS) else ()


def texts(item: object, *path: str) -> tuple[str, ...]:
    return tuple(value for value in items(item, *path) if isinstance(value, str))


def labels(item: object, *path: str) -> Mapping[str, str]:
    return {key: value for key, value in mapping(item, *path).items() if isinstance(value, str)}
