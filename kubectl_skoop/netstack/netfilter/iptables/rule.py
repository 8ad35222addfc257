"""One rule: from its line to a value, and its evaluation."""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from kubectl_skoop.model.verdict import Ternary, Unknown
from kubectl_skoop.netstack.netfilter.iptables import header, match, target
from kubectl_skoop.netstack.netfilter.iptables.header import HeaderMatch, parse_header
from kubectl_skoop.netstack.netfilter.iptables.kind import Unsupported
from kubectl_skoop.netstack.netfilter.iptables.match.always import Always
from kubectl_skoop.netstack.netfilter.iptables.match.statistic import Statistic
from kubectl_skoop.netstack.netfilter.iptables.options import (
    Options,
    Unreadable,
    Word,
    is_section,
    take_options,
    words,
)
from kubectl_skoop.netstack.netfilter.types import (
    PASSED_BY,
    Continue,
    Jump,
    Match,
    RuleContext,
    Statement,
    Stolen,
    Verdict,
)

_IMPLICIT = {"tcp": "tcp", "udp": "udp", "icmp": "icmp", "ipv6-icmp": "icmp6", "sctp": "sctp"}
"""The match that `-p NAME` loads when an option follows without `-m`."""


class JumpTo(NamedTuple):
    """-j CHAIN, -g CHAIN."""

    jump: Jump

    def apply(self, ctx: RuleContext) -> Verdict:
        return self.jump


class NoTarget:
    """A rule that only counts."""

    def apply(self, ctx: RuleContext) -> Verdict:
        return Continue()


class XtRule(NamedTuple):
    """Kernel: ip_tables.c, ipt_do_table."""

    text: str
    header: HeaderMatch
    matches: tuple[Match, ...]
    """Without those that match every packet."""
    target: Statement

    def evaluate(self, ctx: RuleContext) -> Verdict | Unknown:
        answer = self.asks_for(ctx)
        if isinstance(answer, Unknown):
            return answer
        return self.if_matched(ctx) if answer else PASSED_BY

    def if_matched(self, ctx: RuleContext) -> Verdict | Unknown:
        verdict = self.target.apply(ctx)
        match verdict:
            case Unknown(reason) | Stolen(Unknown(reason)):
                return Stolen(Unknown(f"{reason}: {self.text}"))
        return verdict

    @property
    def chance(self) -> Fraction | None:
        """Of all that comes to the rule, if it asks for nothing else."""
        if len(self.matches) != 1 or self.header != HeaderMatch():
            return None
        drawn = self.matches[0]
        return drawn.share if isinstance(drawn, Statistic) and 0 < drawn.share < 1 else None

    def asks_for(self, ctx: RuleContext) -> Ternary:
        """Whether it matches; a certain no of one match outweighs what the others do not know.

        Random matches are asked last, so that a walk splits only where it must.
        """
        if not self.header.matches(ctx):
            return False
        unknown: Unknown | None = None
        random: tuple[Statistic, ...] = ()
        for one in self.matches:
            if isinstance(one, Statistic):
                random += (one,)
                continue
            answer = one.matches(ctx)
            if isinstance(answer, Unknown):
                unknown = answer if unknown is None else unknown
            elif not answer:
                return False
        for one in random:
            if not one.draw(ctx, self.text):
                return False
        return True if unknown is None else unknown


def parse_rule(text: str, family: int, *, native: bool = False) -> XtRule:
    """`-A CHAIN …` without counters. What is not modelled becomes an Unsupported match or target.

    `native`: of iptables-nft (see Options).
    """
    try:
        given = words(text)
        found, position, stray = take_options(given, 2, header.ARITY)
        head = parse_header(Options(family, tuple(found)))
    except Unreadable as error:
        return XtRule(text, HeaderMatch(), (Unsupported(str(error)),), Unsupported(str(error)))
    matches: list[Match] = []
    if stray:
        protocol = next((option.values[0] for option in found if option.name in {"-p", "--protocol"}), "")
        name = _IMPLICIT.get(protocol, "")
        one, position = (
            _match(given, position, name, family, native) if name else _skip(given, position, stray)
        )
        matches.append(one)
    aim: Statement = NoTarget()
    while position < len(given):
        kind = given[position].text if is_section(given, position) else ""
        name = given[position + 1].text if position + 1 < len(given) else ""
        if kind == "-m":
            one, position = _match(given, position + 2, name, family, native)
            matches.append(one)
        elif kind in {"-j", "-g"}:
            aim, position = _target(given, position + 2, name, family, goto=kind == "-g")
        else:
            late, after, _ = take_options(given, position, header.ARITY)
            if not late:
                one, position = _skip(given, position, given[position].text)
                matches.append(one)
                continue
            found, position = found + late, after
            try:
                head = parse_header(Options(family, tuple(found)))
            except Unreadable as error:
                matches.append(Unsupported(str(error)))
    return XtRule(text, head, tuple(one for one in matches if not isinstance(one, Always)), aim)


def _match(given: Sequence[Word], position: int, name: str, family: int, native: bool) -> tuple[Match, int]:
    kind = match.kind_of(name)
    if kind is None:
        return _skip(given, position, f"-m {name}")
    try:
        options, end, stray = take_options(given, position, kind.arity)
        if (stray and not stray.startswith("-")) or stray.startswith("--"):
            return _skip(given, end, f"-m {name} {stray}")
        return kind.parse(Options(family, tuple(options), native)), end
    except Unreadable as error:
        return _skip(given, position, f"-m {name}: {error}")


def _target(
    given: Sequence[Word], position: int, name: str, family: int, *, goto: bool
) -> tuple[Statement, int]:
    kind = None if goto else target.kind_of(name)
    if kind is None:
        if position < len(given):
            return _skip(given, position, f"-j {name}")
        return JumpTo(Jump(name, goto)), position
    try:
        options, end, stray = take_options(given, position, kind.arity)
        if stray:
            return _skip(given, position, f"-j {name} {stray}")
        return kind.parse(Options(family, tuple(options))), end
    except Unreadable as error:
        return _skip(given, position, f"-j {name}: {error}")


def _skip(given: Sequence[Word], position: int, what: str) -> tuple[Unsupported, int]:
    """Up to the next match or target."""
    while position < len(given) and not is_section(given, position):
        position += 1
    return Unsupported(f"{what} is not modelled"), position
