"""A snapshot's section of a cloud, as it is filled."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from kubectl_skoop.providers.allow_list import Item, Kind


def later_added(kind: str, old: Item, new: Item) -> Item:
    """Of two answers about one thing: fields of the later one stand before those of the other."""
    return {**old, **new}


@dataclass(slots=True)
class Section:
    """What is kept of the answers of one cloud."""

    kinds: Mapping[str, Kind]
    keep: Callable[[str, Item], Item]
    """What of an item of a kind is kept, its key with it. Raises: ValueError."""
    join: Callable[[str, Item, Item], Item] = later_added
    resources: dict[str, dict[str, Item]] = field(default_factory=dict)
    """By kind, then by key."""
    gaps: dict[str, str] = field(default_factory=dict)
    """Kinds of which not all is there, with the reason."""

    def add(self, kind: str, items: Iterable[Item]) -> None:
        """Raises: ValueError."""
        found = self.resources.setdefault(kind, {})
        for item in items:
            kept = self.keep(kind, item)
            key = kept.get(self.kinds[kind].key)
            if not isinstance(key, str):
                raise ValueError(f"an entry of {kind} has no {self.kinds[kind].key}")
            found[key] = self.join(kind, found[key], kept) if key in found else kept

    def fields(self) -> Mapping[str, object]:
        """As plain data."""
        return {
            "resources": {kind: list(items.values()) for kind, items in sorted(self.resources.items())},
            "gaps": dict(sorted(self.gaps.items())),
        }
