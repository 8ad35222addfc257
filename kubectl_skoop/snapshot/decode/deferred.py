"""Tables that are decoded when somebody looks at them: most walks never do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar, overload

T = TypeVar("T")


class Deferred(Sequence[T]):
    """The rows of a table, decoded at the first look; equal to a tuple of the same rows."""

    __slots__ = ("_decode", "_rows")

    def __init__(self, decode: Callable[[], tuple[T, ...]]) -> None:
        self._decode: Callable[[], tuple[T, ...]] | None = decode
        self._rows: tuple[T, ...] = ()

    @property
    def rows(self) -> tuple[T, ...]:
        decode = self._decode
        if decode is not None:
            self._rows = decode()
            self._decode = None
        return self._rows

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, at: int) -> T: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[T, ...]: ...
    def __getitem__(self, at: int | slice) -> T | tuple[T, ...]:
        return self.rows[at]

    def __iter__(self) -> Iterator[T]:
        return iter(self.rows)

    def __eq__(self, other: object) -> bool:
        return self.rows == (other.rows if isinstance(other, Deferred) else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self.rows)


class Gaps(Mapping[str, str]):
    """Reasons by table. Whether a deferred one is damaged is found out when it is asked about."""

    __slots__ = ("_deferred", "_known")

    def __init__(self, known: Mapping[str, str], deferred: Mapping[str, Sequence[object]]) -> None:
        """`known`: decoding a deferred table may add to it."""
        self._known = known
        self._deferred = deferred

    def get(self, name: str, default: str | None = None) -> str | None:  # type: ignore[override]
        if name in self._deferred:
            len(self._deferred[name])
        return self._known.get(name, default)

    def __getitem__(self, name: str) -> str:
        found = self.get(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.get(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(self._whole())

    def __len__(self) -> int:
        return len(self._whole())

    def __repr__(self) -> str:
        return repr(self._whole())

    def _whole(self) -> Mapping[str, str]:
        for rows in self._deferred.values():
            len(rows)
        return self._known
