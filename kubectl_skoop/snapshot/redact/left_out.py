"""What a redacted file does not hold of its original, in words that tell nothing of the site."""

from collections import Counter


class LeftOut:
    """Counts what was left out, by what it was of."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, where: str, what: str, count: int = 1) -> None:
        if count:
            self._counts[where, what] += count

    def include(self, other: "LeftOut") -> None:
        self._counts += other._counts

    @property
    def total(self) -> int:
        """How often something was left out."""
        return self._counts.total()

    def lines(self) -> list[str]:
        return [
            f"{where}: {what}" + (f" ({count})" if count > 1 else "")
            for (where, what), count in sorted(self._counts.items())
        ]
