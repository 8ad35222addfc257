"""-m u32: numbers in the bytes of the packet."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, interval, number
from kubectl_skoop.netstack.netfilter.octets import Byte, packet_octets
from kubectl_skoop.netstack.netfilter.types import RuleContext

_WORD = 0xFFFFFFFF
_WORD_BYTES = 4
_OPERATORS = re.compile(r"(<<|>>|&|@)")


@dataclass(frozen=True, slots=True)
class Known:
    """A 32-bit number of which some bits are known."""

    value: int
    mask: int = _WORD


@dataclass(frozen=True, slots=True)
class Test:
    """`OFFSET OPERATOR NUMBER … = LOW:HIGH,…`."""

    offset: int
    operations: tuple[tuple[str, int], ...]
    ranges: tuple[tuple[int, int], ...]

    def passes(self, octets: Sequence[Byte]) -> Ternary:
        """u32_match_it."""
        base = 0
        current = _read(octets, self.offset)
        for operator, operand in self.operations:
            if current is None:
                return False
            if operator == "@":
                if current.mask != _WORD:
                    return Unknown("a length in the packet's data")
                base += current.value
                current = _read(octets, base + operand)
            else:
                current = _apply(current, operator, operand)
        return False if current is None else _within(current, self.ranges)


@dataclass(frozen=True, slots=True)
class U32:
    """Kernel: xt_u32.c, u32_mt."""

    tests: tuple[Test, ...]
    negated: bool

    def matches(self, ctx: RuleContext) -> Ternary:
        ctx.stack.reliance.by_length()
        octets = packet_octets(ctx.packet)
        unknown: Unknown | None = None
        for test in self.tests:
            answer = test.passes(octets)
            if isinstance(answer, Unknown):
                unknown = answer
            elif not answer:
                return self.negated
        return unknown if unknown is not None else not self.negated


def _read(octets: Sequence[Byte], offset: int) -> Known | None:
    """None: beyond the packet, then the test fails."""
    if offset + _WORD_BYTES > len(octets):
        return None
    value = mask = 0
    for octet in octets[offset : offset + _WORD_BYTES]:
        value = value << 8 | (octet or 0)
        mask = mask << 8 | (0 if octet is None else 0xFF)
    return Known(value, mask)


def _apply(current: Known, operator: str, operand: int) -> Known:
    match operator:
        case "&":
            return Known(current.value & operand, current.mask | ~operand & _WORD)
        case "<<":
            filled = (1 << operand) - 1
            return Known(current.value << operand & _WORD, (current.mask << operand | filled) & _WORD)
    filled = _WORD & ~(_WORD >> operand)
    return Known(current.value >> operand, current.mask >> operand | filled)


def _within(current: Known, ranges: Sequence[tuple[int, int]]) -> Ternary:
    """The unknown bits are 0 at the least and 1 at the most."""
    lowest, highest = current.value & current.mask, current.value | ~current.mask & _WORD
    if any(low <= lowest and highest <= high for low, high in ranges):
        return True
    if all(highest < low or high < lowest for low, high in ranges):
        return False
    return Unknown("bytes of the packet that are not modelled")


def _parse(options: Options) -> U32:
    option = options.require("--u32")
    tests = tuple(_test(text) for text in option.values[0].replace(" ", "").split("&&"))
    return U32(tests, option.negated)


def _test(text: str) -> Test:
    left, equals, right = text.partition("=")
    words = _OPERATORS.split(left)
    if not equals or len(words) % 2 == 0:
        raise Unreadable(f"--u32 {text}")
    operations = tuple(
        (operator, number(operand)) for operator, operand in zip(words[1::2], words[2::2], strict=True)
    )
    if any(operator in ("<<", ">>") and operand > 31 for operator, operand in operations):
        raise Unreadable(f"--u32 {text}")
    ranges = tuple(interval(part, _WORD) for part in right.split(","))
    return Test(number(words[0]), operations, ranges)


KINDS = {"u32": MatchKind({"--u32": 1}, _parse)}
