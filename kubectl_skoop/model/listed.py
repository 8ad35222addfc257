"""Names in a sentence, however many there are."""

from collections.abc import Collection
from itertools import islice

MAX_NAMED = 5


def listed(names: Collection[object], most: int = MAX_NAMED) -> str:
    """The first ones, and how many there are beside them."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(map(str, islice(names, most))) + more


def bounded(lines: Collection[str], most: int = MAX_NAMED) -> tuple[str, ...]:
    """Evidence: the first lines, and how many there are beside them."""
    more = (f"and {len(lines) - most:,} more",) if len(lines) > most else ()
    return (*islice(lines, most), *more)
