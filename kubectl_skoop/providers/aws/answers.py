"""Answers of `aws ec2 describe-…` and `aws elbv2 describe-…` as files → what a snapshot keeps of them."""

from collections.abc import Mapping, Sequence

from kubectl_skoop.api import InfraFile, InputError
from kubectl_skoop.providers.allow_list import Item
from kubectl_skoop.providers.aws.kept import KINDS, kept
from kubectl_skoop.providers.documents import OTHER, documents, reason
from kubectl_skoop.providers.section import Section

_PAGE_MARKS = ("NextToken", "NextMarker")
_PER_ITEM = {
    "Entries": ("PrefixLists", "PrefixListId"),
    "Routes": ("TransitGatewayRoutes", "TransitGatewayRouteTableId"),
    "TargetHealthDescriptions": ("TargetHealth", "TargetGroupArn"),
    "TransitGatewayRouteTablePropagations": ("TransitGatewayPropagations", "TransitGatewayRouteTableId"),
}
"""Answers about one thing that do not say which: their kind, and the field that must stand beside them."""
_NESTED = {"Reservations": ("Instances", "Instances")}
"""Lists of lists: the field inside, and the kind."""


def read(files: Sequence[InfraFile]) -> Mapping[str, object]:
    """Raises: InputError, with the file's name."""
    section = Section(KINDS, kept)
    for file in files:
        try:
            for answer in documents(file.content):
                _take(section, file.name, answer)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{file.name}: {reason(error)}", hint=f"give what `aws … --output json` printed; {OTHER}"
            ) from None
    return section.fields()


def _take(section: Section, name: str, answer: object) -> None:
    if not isinstance(answer, Mapping):
        raise ValueError("is no answer of EC2 or ELB: not a JSON object")
    if "RequestId" in answer:
        raise ValueError("is no answer of EC2 or ELB: it has a RequestId, as Alibaba Cloud's have")
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
