"""What a cloud said, by kind and id; what is not there is unknown, with the reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from kubectl_skoop.api import Unknown, raw
from kubectl_skoop.providers.allow_list import Item, Kind


@dataclass(frozen=True)
class Collected:
    """What `gather` returned."""

    cloud: ClassVar[str]
    kinds: ClassVar[Mapping[str, Kind]]

    resources: Mapping[str, object]
    gaps: Mapping[str, str]

    def all(self, kind: str) -> Sequence[Item] | Unknown:
        """As far as they were collected; Unknown: they were not."""
        if kind not in self.resources:
            return Unknown(f"no {kind} of {self.cloud} were collected")
        found = raw.items(self.resources, kind)
        return [item for item in found if isinstance(item, Mapping)]

    def known(self, kind: str) -> Sequence[Item]:
        """What was collected, be it nothing."""
        found = self.all(kind)
        return () if isinstance(found, Unknown) else found

    def whole(self, kind: str) -> Sequence[Item] | Unknown:
        """All of them; Unknown: some may not be there."""
        return Unknown(f"{kind}: {self.gaps[kind]}") if kind in self.gaps else self.all(kind)

    def one(self, kind: str, key: str) -> Item | Unknown:
        """By its id."""
        found = self._by_key(kind).get(key)
        if found is not None:
            return found
        state = self.whole(kind)
        if isinstance(state, Unknown):
            return Unknown(f"{key} is not known: {state.reason}")
        return Unknown(f"{key} is not among the {kind}: it is deleted, or of another account or region")

    def _by_key(self, kind: str) -> Mapping[str, Item]:
        if kind not in self._indexes:
            items = self.known(kind)
            self._indexes[kind] = {raw.text(item, self.kinds[kind].key): item for item in items}
        return self._indexes[kind]

    @cached_property
    def _indexes(self) -> dict[str, Mapping[str, Item]]:
        return {}
