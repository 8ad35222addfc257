"""Rules for frames that save tools print, said in the expressions of nft, which ask the same of a frame.

An option that is not known becomes a match or target that nobody models: then the rule is unknown.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from kubectl_skoop.model.packet import Frame
from kubectl_skoop.model.verdict import Unknown
from kubectl_skoop.netstack.netfilter.nft.expression.parse import Scope
from kubectl_skoop.netstack.netfilter.nft.rule import NftRule
from kubectl_skoop.netstack.netfilter.types import LinkFamily, Rule, RuleContext, Verdict

_GROUP_BIT = "01:00:00:00:00:00"
ADDRESSES = {"Broadcast": "ff:ff:ff:ff:ff:ff", "BGA": "01:80:c2:00:00:00"}


@dataclass(frozen=True)
class SavedRule:
    text: str
    """As the tool prints it."""
    place: str
    family: LinkFamily
    read: Callable[[str], list[object]]
    """The JSON of the text. Raises ValueError: it cannot be read; then the rule is unknown."""

    def evaluate(self, ctx: RuleContext) -> Verdict | Unknown:
        return self._rule.evaluate(ctx)

    def if_matched(self, ctx: RuleContext) -> Verdict | Unknown:
        return self._rule.if_matched(ctx)

    @cached_property
    def _rule(self) -> NftRule:
        try:
            expressions = self.read(self.text)
        except ValueError:
            expressions = [unknown("a rule that cannot be read"), {"drop": None}]
        return NftRule({"expr": expressions}, Scope(self.family, {}), self.place)


@dataclass(frozen=True)
class SavedLinkChain:
    name: str
    listed: Sequence[SavedRule]

    @property
    def empty(self) -> bool:
        return not self.listed

    def rules(self, frame: Frame) -> Sequence[tuple[int, Rule]]:
        return list(enumerate(self.listed, start=1))


def options(words: Sequence[str]) -> Iterator[tuple[str, str, bool]]:
    """Name, value and whether `!` stands before either."""
    negated, position = False, 0
    while position < len(words):
        name, values = words[position], []
        position += 1
        if name == "!":
            negated = True
            continue
        while position < len(words) and not words[position].startswith("-"):
            values.append(words[position])
            position += 1
        if values and values[-1] == "!" and len(values) > 1:
            values.pop()
            position -= 1
        yield name, values[-1] if values else "", negated or "!" in values
        negated = False


def unknown(name: str) -> object:
    """A match."""
    return {"match": {"op": "==", "left": {name: None}, "right": 1}}


def unknown_target(name: str) -> object:
    return {f"the target {name}": None}


def compare(left: object, operator: str, right: object) -> object:
    return {"match": {"op": operator, "left": left, "right": right}}


def payload(protocol: str, field: str) -> object:
    return {"payload": {"protocol": protocol, "field": field}}


def meta(key: str) -> object:
    return {"meta": {"key": key}}


Build = Callable[[str, str], object]


def mac(protocol: str, field: str) -> Build:
    """With a mask behind a slash, or one of the names that ebtables has for addresses."""

    def build(value: str, operator: str) -> object:
        left = payload(protocol, field)
        if value in ("Unicast", "Multicast"):
            bit = "00:00:00:00:00:00" if value == "Unicast" else _GROUP_BIT
            return compare({"&": [left, _GROUP_BIT]}, operator, bit)
        address, _, mask = ADDRESSES.get(value, value).partition("/")
        return compare({"&": [left, mask]} if mask else left, operator, address)

    return build


def address(protocol: str, field: str) -> Build:
    def build(value: str, operator: str) -> object:
        address, _, length = value.partition("/")
        if length and not length.isdecimal():
            return unknown(f"the mask {length}")
        right: object = {"prefix": {"addr": address, "len": int(length)}} if length else address
        return compare(payload(protocol, field), operator, right)

    return build


def device(key: str) -> Build:
    return lambda value, operator: compare(
        meta(key), operator, f"{value[:-1]}*" if value.endswith("+") else value
    )
