"""Answers of `aws ec2 describe-…` and `aws elbv2 describe-…` as files → what a snapshot keeps of them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kubectl_skoop.api import InfraFile, InputError
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.aws.kept import KINDS, kept
from kubectl_skoop.providers.documents import documents, reason

_PAGE_MARKS = ("NextToken", "NextMarker")
_PER_ITEM = {
    "Entries": ("PrefixLists", "PrefixListId"),
    "TargetHealthDescriptions": ("TargetHealth", "TargetGroupArn"),
}
"""Answers about one thing that do not say which: their kind, and the field that must stand beside them."""
_NESTED = {"Reservations": ("Instances", "Instances")}
"""Lists of lists: the field inside, and the kind."""


@dataclass(slots=True)
class Section:
    """A snapshot's section of a VPC, as it is filled."""

    resources: dict[str, dict[str, Item]] = field(default_factory=dict)
    """By kind, then by key."""
    gaps: dict[str, str] = field(default_factory=dict)
    """Kinds of which not all is there, with the reason."""

    def add(self, kind: str, items: Iterable[Item]) -> None:
        """Of an item that comes twice what came later is added. Raises: ValueError."""
        found = self.resources.setdefault(kind, {})
        for item in items:
            pruned = kept(kind, item)
            key = pruned.get(KINDS[kind].key)
            if not isinstance(key, str):
                raise ValueError(f"an entry of {kind} has no {KINDS[kind].key}")
            found[key] = {**found.get(key, {}), **pruned}

    def fields(self) -> Mapping[str, object]:
        """As plain data."""
        return {
            "resources": {kind: list(items.values()) for kind, items in sorted(self.resources.items())},
            "gaps": dict(sorted(self.gaps.items())),
        }


def read(files: Sequence[InfraFile]) -> Mapping[str, object]:
    """Raises: InputError, with the file's name."""
    section = Section()
    for file in files:
        try:
            for answer in documents(file.content):
                _take(section, file.name, answer)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{file.name}: {reason(error)}", hint="give what `aws … --output json` printed"
            ) from None
    return section.fields()


def _take(section: Section, name: str, answer: object) -> None:
    if not isinstance(answer, Mapping):
        raise ValueError("is no answer of EC2 or ELB: not a JSON object")
    taken: list[str] = []
    for key, value in answer.items():
        if key in _PER_ITEM:
            kind, which = _PER_ITEM[key]
            section.add(kind, [_named(key, which, answer)])
            taken.append(kind)
        elif key in _NESTED:
            inner, kind = _NESTED[key]
            section.add(
                kind, [item for outer in _items(key, value) for item in _items(inner, outer.get(inner))]
            )
            taken.append(kind)
        elif key in KINDS:
            section.add(key, _items(key, value))
            taken.append(key)
    if not taken:
        raise ValueError(f"is no answer that is known; it has {', '.join(map(str, answer)) or 'nothing'}")
    if any(answer.get(mark) for mark in _PAGE_MARKS):
        for kind in taken:
            section.gaps[kind] = f"{name} lacks the pages after its first"


def _named(key: str, which: str, answer: Mapping[str, object]) -> Item:
    if not isinstance(answer.get(which), str):
        raise ValueError(
            f"{key} do not say of which {which} they are: print it beside them, "
            f"--query \"{{{which}: '…', {key}: {key}}}\""
        )
    return answer


def _items(key: str, value: object) -> Sequence[Item]:
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise ValueError(f"{key} is no list of objects")
    return value
