"""Parts of the index that lead from a key to what has it, in sections by the key's checksum."""

from collections.abc import Iterator
from zlib import crc32

import msgpack

from kubectl_skoop.snapshot.format import pack

_PER_SHARD = 1000
"""Entries, about."""
_BUCKETS = 1024
"""A power of two: so many shards at most."""


class Lookup:
    """Entries on their way into a snapshot, packed as they come: a cluster has many addresses."""

    def __init__(self) -> None:
        self._buckets: dict[int, bytearray] = {}
        self._count = 0

    def add(self, key: str, value: object) -> None:
        """A key may have several values."""
        self._buckets.setdefault(shard_of(key, _BUCKETS), bytearray()).extend(pack([key, value]))
        self._count += 1

    def update(self, other: "Lookup") -> None:
        """Adds the entries of another one."""
        for number, bucket in other._buckets.items():
            self._buckets.setdefault(number, bytearray()).extend(bucket)
        self._count += other._count

    def keys(self) -> Iterator[str]:
        """One that has several values comes as often."""
        return (key for number in self._buckets for key, _ in self._entries(number))

    def shards(self) -> Iterator[dict[str, list[object]]]:
        """Maps of keys to their values, so many that each is small."""
        count = 1
        while count < _BUCKETS and count * _PER_SHARD < self._count:
            count *= 2
        for shard in range(count if self._count else 0):
            found: dict[str, list[object]] = {}
            for number in range(shard, _BUCKETS, count):
                for key, value in self._entries(number):
                    found.setdefault(key, []).append(value)
            yield found

    def _entries(self, bucket: int) -> Iterator[tuple[str, object]]:
        unpacker = msgpack.Unpacker()
        unpacker.feed(self._buckets.get(bucket, b""))
        yield from unpacker


def shard_of(key: str, count: int) -> int:
    """By the key as `pack` writes it."""
    return crc32(key.encode("utf-8", "backslashreplace")) % count
