"""The objects of a snapshot's file, as its index has them: by kind, in shards by namespace and name."""

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from operator import itemgetter
from typing import TypeVar

from kubectl_skoop.cluster.raw import Object, Ref, ref_of
from kubectl_skoop.model.errors import SectionDamaged
from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.index import ObjectShard
from kubectl_skoop.snapshot.read import SnapshotFile

T = TypeVar("T")


def read_each(
    file: SnapshotFile, kind: str, make: Callable[[Object], T], namespace: str = ""
) -> Sequence[T] | NotCollected:
    """What `make` makes of all objects of a kind, or those of one namespace, by namespace and name."""
    shards = file.index.objects.get(kind)
    if shards is None or isinstance(shards, NotCollected):
        return _why_none(file, kind)
    interleaved = _interleaved(shards)
    made: list[T] = []
    order: list[Ref] = []
    for shard in shards:
        if namespace and not shard.first <= namespace <= shard.last:
            continue
        try:
            found = [item for item in _read(file, kind, shard) if _belongs(item, namespace)]
        except SectionDamaged as damaged:
            return NotCollected(f"objects/{kind}", "lost", str(damaged))
        made += map(make, found)
        order += map(ref_of, found) if interleaved else ()
    if interleaved:
        made = [one for _, one in sorted(zip(order, made, strict=True), key=itemgetter(0))]
    return tuple(made)


def count(file: SnapshotFile, kind: str) -> int | None:
    """How many objects of the kind there are; None: they were not collected, or are lost.

    Read are the first shard and the last: those between are as long as the first.
    """
    shards = file.index.objects.get(kind)
    if shards is None or isinstance(shards, NotCollected):
        return None
    try:
        ends = [len(_read(file, kind, shard)) for shard in dict.fromkeys((*shards[:1], *shards[-1:]))]
    except SectionDamaged:
        return None
    return ends[0] * (len(shards) - 1) + ends[-1] if ends else 0


def _why_none(file: SnapshotFile, kind: str) -> NotCollected:
    shards = file.index.objects.get(kind)
    if isinstance(shards, NotCollected):
        return shards
    what = f"objects/{kind}"
    return next((gap for gap in file.lost if gap.what == what), NotCollected(what, "not collected"))


def _read(file: SnapshotFile, kind: str, shard: ObjectShard) -> list[Object]:
    """Raises: SectionDamaged."""
    match file.content(shard.section, f"objects/{kind}"):
        case {"objects": list(objects)}:
            return objects
        case _:
            raise SectionDamaged("the section holds no objects")


def _interleaved(shards: Iterable[ObjectShard]) -> bool:
    """In a live cluster's order: that of its store's keys, in which `a-b/x` comes before `a/x`."""
    return any(one.last > following.first for one, following in pairwise(shards))


def _belongs(item: object, namespace: str) -> bool:
    match item:
        case {"metadata": dict(metadata)}:
            return not namespace or metadata.get("namespace", "") == namespace
        case _:
            return False
