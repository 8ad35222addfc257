"""What was read last, as much of it as fits: who goes through all nodes does not hold all of them."""

from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """Values by key; those that were not asked for the longest go first."""

    def __init__(self, limit: int) -> None:
        """`limit`: of the sizes of all values together; the newest one stays whatever its size."""
        self._limit = limit
        self._total = 0
        self._values: dict[str, tuple[T, int]] = {}

    def get(self, key: str) -> T | None:
        found = self._values.pop(key, None)
        if found is None:
            return None
        self._values[key] = found
        return found[0]

    def limit(self, limit: int) -> None:
        """Of all values from now on; 0: none is kept."""
        self._limit = limit
        self._shrink(0 if limit == 0 else 1)

    def drop(self, key: str) -> None:
        if (found := self._values.pop(key, None)) is not None:
            self._total -= found[1]

    def put(self, key: str, value: T, size: int) -> T:
        """Returns the value."""
        self._total += size - self._values.pop(key, (value, 0))[1]
        self._values[key] = (value, size)
        self._shrink(1)
        return value

    def _shrink(self, fewest: int) -> None:
        while self._total > self._limit and len(self._values) > fewest:
            oldest = next(iter(self._values))
            self._total -= self._values.pop(oldest)[1]
