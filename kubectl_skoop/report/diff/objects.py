"""Kubernetes objects and what a cloud said, field by field."""

import json
from collections.abc import Iterator, Mapping, Sequence

from kubectl_skoop.cluster.raw import Object, Ref, ref_of
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.report.diff.change import ObjectChange, Uncompared, changed_lines
from kubectl_skoop.snapshot.source import Snapshot


def compare_objects(before: Snapshot, after: Snapshot) -> Iterator[ObjectChange | Uncompared]:
    for kind in sorted({*before.kinds(), *after.kinds()}):
        old, new = before.objects(kind), after.objects(kind)
        if isinstance(old, NotCollected) or isinstance(new, NotCollected):
            gap = old if isinstance(old, NotCollected) else new
            yield Uncompared(f"objects/{kind}", str(gap))
        else:
            yield from _compare(_by_ref(old), _by_ref(new))


def compare_clouds(before: Snapshot, after: Snapshot) -> Iterator[ObjectChange | Uncompared]:
    """Where only one of the two was told something, the cloud need not have changed."""
    for provider in sorted({*before.clouds(), *after.clouds()}):
        ref = Ref("infra", "", provider)
        old, new = before.infra(provider), after.infra(provider)
        if isinstance(old, NotCollected):
            yield Uncompared(f"infra/{provider}", f"before: {old.state} ({old.reason})")
        elif isinstance(new, NotCollected):
            yield Uncompared(f"infra/{provider}", f"after: {new.state} ({new.reason})")
        else:
            yield from _compare({ref: old}, {ref: new})


def _by_ref(objects: Sequence[Object]) -> Mapping[Ref, Object]:
    return {ref_of(item): item for item in objects}


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
