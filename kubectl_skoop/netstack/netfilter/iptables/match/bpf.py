"""-m bpf --bytecode: a program of classic BPF, as tcpdump compiles it (include/uapi/linux/filter.h)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from operator import add, and_, eq, ge, gt, mul, or_, sub, xor
from typing import NamedTuple

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables.kind import MatchKind
from kubectl_skoop.netstack.netfilter.iptables.options import Options, Unreadable, number
from kubectl_skoop.netstack.netfilter.octets import Byte, packet_octets
from kubectl_skoop.netstack.netfilter.types import RuleContext

_WORD = 0xFFFFFFFF
_MOST = 64
"""XT_BPF_MAX_NUM_INSTR"""
_SPECIAL = 0x80000000
"""From here on K names something else than a place in the packet (SKF_AD_OFF and its like)."""
_LOAD, _LOAD_X, _STORE, _STORE_X, _COMPUTE, _JUMP, _RETURN = range(7)
"""Classes of instructions; the last one moves between the registers."""
_IMMEDIATE, _INDIRECT, _MEMORY, _LENGTH, _HEADER_LENGTH = 0x00, 0x40, 0x60, 0x80, 0xA0
_SIZES = {0x00: 4, 0x08: 2, 0x10: 1}
_BY_X, _RETURNS_A, _TO_A = 0x08, 0x10, 0x80
_OPERATIONS: dict[int, Callable[[int, int], int]] = {
    0x00: add,
    0x10: sub,
    0x20: mul,
    0x40: or_,
    0x50: and_,
    0x60: lambda left, right: left << right,
    0x70: lambda left, right: left >> right,
    0xA0: xor,
}
_SHIFTS = (0x60, 0x70)
_DIVIDE, _NEGATE, _REMAINDER = 0x30, 0x80, 0x90
_COMPARISONS: dict[int, Callable[[int, int], bool]] = {
    0x10: eq,
    0x20: gt,
    0x30: ge,
    0x40: lambda left, right: bool(left & right),
}
_UNREAD = Unknown("bytes of the packet that are not modelled, or what a program of BPF asks beside them")


class Instruction(NamedTuple):
    """struct sock_filter"""

    code: int
    if_true: int
    if_false: int
    k: int


class _End(Exception):
    """The program ends with this."""

    def __init__(self, result: int) -> None:
        self.result = result


class _Unread(Exception):
    """It asks for what is not known."""


@dataclass(eq=False, slots=True)
class _Run:
    """Registers and memory; None: not known."""

    octets: Sequence[Byte]
    length: int
    a: Byte = 0
    x: Byte = 0
    memory: dict[int, Byte] = field(default_factory=dict)

    def step(self, kind: int, one: Instruction) -> None:
        if kind == _LOAD:
            self.a = self.load(one.code, one.k)
        elif kind == _LOAD_X:
            self.x = self.load(one.code, one.k)
        elif kind in (_STORE, _STORE_X):
            self.memory[one.k] = self.a if kind == _STORE else self.x
        elif kind == _COMPUTE:
            self.a = self.compute(one.code, one.k)
        elif one.code & _TO_A:
            self.a = self.x
        else:
            self.x = self.a

    def load(self, code: int, k: int) -> Byte:
        """Beyond the packet the program ends with 0."""
        mode = code & 0xE0
        if mode == _IMMEDIATE:
            return k
        if mode == _MEMORY:
            return self.memory.get(k)
        if mode == _LENGTH:
            return self.length
        if mode == _HEADER_LENGTH:
            header = self._bytes(k, 1)
            return None if header is None else (header & 0xF) * 4
        place = _known(self.x) + k & _WORD if mode == _INDIRECT else k
        return self._bytes(place, _SIZES.get(code & 0x18, 1))

    def _bytes(self, place: int, size: int) -> Byte:
        if place >= _SPECIAL:
            return None
        if place + size > len(self.octets):
            raise _End(0)
        found = 0
        for octet in self.octets[place : place + size]:
            if octet is None:
                return None
            found = found << 8 | octet
        return found

    def compute(self, code: int, k: int) -> Byte:
        operation = code & 0xF0
        if operation == _NEGATE:
            return None if self.a is None else -self.a & _WORD
        right = self.x if code & _BY_X else k
        if self.a is None or right is None:
            return None
        if operation in (_DIVIDE, _REMAINDER):
            if not right:
                raise _End(0)
            return self.a // right if operation == _DIVIDE else self.a % right
        if operation not in _OPERATIONS or (operation in _SHIFTS and right > 31):
            raise _Unread
        return _OPERATIONS[operation](self.a, right) & _WORD

    def jump(self, one: Instruction) -> int:
        if one.code & 0xF0 not in _COMPARISONS:
            return one.k
        right = _known(self.x) if one.code & _BY_X else one.k
        return one.if_true if _COMPARISONS[one.code & 0xF0](_known(self.a), right) else one.if_false


def _known(value: Byte) -> int:
    if value is None:
        raise _Unread
    return value


@dataclass(frozen=True, slots=True)
class Bytecode:
    """Kernel: xt_bpf.c, bpf_mt: it runs from the IP header on, and matches unless it returns 0."""

    program: tuple[Instruction, ...]

    def matches(self, ctx: RuleContext) -> Ternary:
        run = _Run(packet_octets(ctx.packet), ctx.length)
        try:
            self._run(run)
        except _End as end:
            return end.result != 0
        except _Unread:
            pass
        return _UNREAD

    def _run(self, run: _Run) -> None:
        """Jumps lead forward only (bpf_check_classic). Raises: _End, _Unread."""
        position = 0
        while position < len(self.program):
            one = self.program[position]
            position += 1
            kind = one.code & 7
            if kind == _JUMP:
                position += run.jump(one)
            elif kind == _RETURN:
                raise _End(_known(run.a) if one.code & _RETURNS_A else one.k)
            else:
                run.step(kind, one)
        raise _Unread


def _parse(options: Options) -> Bytecode:
    count, *lines = options.require("--bytecode").values[0].split(",")
    program = tuple(_instruction(line) for line in lines)
    if not 0 < len(program) <= _MOST or len(program) != number(count.strip()):
        raise Unreadable(f"--bytecode of {len(program)} instructions")
    return Bytecode(program)


def _instruction(line: str) -> Instruction:
    words = line.split()
    if len(words) != 4:
        raise Unreadable(f"--bytecode {line}")
    code, if_true, if_false, k = map(number, words)
    return Instruction(code, if_true, if_false, k)


KINDS = {"bpf": MatchKind({"--bytecode": 1}, _parse)}
