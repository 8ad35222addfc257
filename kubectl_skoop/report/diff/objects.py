"""Kubernetes objects and what a cloud said, field by field."""

import json
from collections.abc import Iterator, Mapping, Set
from hashlib import blake2b

from kubectl_skoop.cluster.raw import Object, Ref, ref_of
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.report.diff.change import ObjectChange, Uncompared, changed_lines
from kubectl_skoop.snapshot.format import pack
from kubectl_skoop.snapshot.source import Snapshot


def compare_objects(before: Snapshot, after: Snapshot) -> Iterator[ObjectChange | Uncompared]:
    for kind in sorted({*before.kinds(), *after.kinds()}):
        old, new = before.each(kind, _print), after.each(kind, _print)
        if isinstance(old, NotCollected):
            yield Uncompared(f"objects/{kind}", f"before: {_told(old)}")
        elif isinstance(new, NotCollected):
            yield Uncompared(f"objects/{kind}", f"after: {_told(new)}")
        else:
            differing = {ref for ref, _ in {*old} ^ {*new}}
            yield from _compare(_chosen(before, kind, differing), _chosen(after, kind, differing))


def compare_clouds(before: Snapshot, after: Snapshot) -> Iterator[ObjectChange | Uncompared]:
    """Where only one of the two was told something, the cloud need not have changed."""
    for provider in sorted({*before.clouds(), *after.clouds()}):
        ref = Ref("infra", "", provider)
        old, new = before.infra(provider), after.infra(provider)
        if isinstance(old, NotCollected):
            yield Uncompared(f"infra/{provider}", f"before: {_told(old)}")
        elif isinstance(new, NotCollected):
            yield Uncompared(f"infra/{provider}", f"after: {_told(new)}")
        else:
            yield from _compare({ref: old}, {ref: new})


def _told(gap: NotCollected) -> str:
    return f"{gap.state} ({gap.reason})" if gap.reason else gap.state


def _print(item: Object) -> tuple[Ref, bytes]:
    """By which equal objects are passed over without being kept."""
    return ref_of(item), blake2b(pack(item, large_as_text=True), digest_size=16).digest()


def _chosen(source: Snapshot, kind: str, refs: Set[Ref]) -> Mapping[Ref, Object]:
    """Those of the objects."""
    if not refs:
        return {}
    found = source.each(kind, lambda item: (ref, item) if (ref := ref_of(item)) in refs else None)
    return {} if isinstance(found, NotCollected) else dict(filter(None, found))


def _compare(before: Mapping[Ref, Object], after: Mapping[Ref, Object]) -> Iterator[ObjectChange]:
    for ref in sorted({*before, *after}):
        if ref not in after:
            yield ObjectChange(ref, "gone")
        elif ref not in before:
            yield ObjectChange(ref, "new")
        elif before[ref] != after[ref]:
            lines = changed_lines(list(_fields(before[ref], "")), list(_fields(after[ref], "")))
            if any(lines):
                yield ObjectChange(ref, "changed", lines)


def _fields(value: object, path: str) -> Iterator[str]:
    """`field: value`; the order of lists does not count."""
    match value:
        case Mapping():
            for key in sorted(value, key=str):
                yield from _fields(value[key], f"{path}.{key}" if path else str(key))
        case list():
            yield from (f"{path}: {_written(item)}" for item in value)
        case _:
            yield f"{path}: {_written(value)}"


def _written(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True, default=str)
