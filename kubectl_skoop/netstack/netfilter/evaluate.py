"""Walking the rules of one base chain (ipt_do_table, nft_do_chain)."""

from collections.abc import Sequence
from typing import NamedTuple, assert_never

from kubectl_skoop.model.trace import Trace
from kubectl_skoop.model.verdict import EXHAUSTED, Unknown
from kubectl_skoop.netstack.netfilter.conntrack import connection_of
from kubectl_skoop.netstack.netfilter.lots import FirstOfLots
from kubectl_skoop.netstack.netfilter.types import (
    PASSED_BY,
    Accept,
    BaseChain,
    Continue,
    Drop,
    Jump,
    Nat,
    Redirected,
    Reject,
    Return,
    Rule,
    RuleContext,
    Stolen,
    Verdict,
)

MAX_DEPTH = 512
MAX_JUMPS = 5_000
"""Bounds that no rule set of use reaches. A forged one can double the jumps with each chain."""

Final = Accept | Drop | Reject | Nat | Redirected | Stolen
_STOPS = (Drop, Reject)
_Seen = tuple[object, ...]
"""What rules may change: the packet, its mark, state and connection's mark."""


class Decision(NamedTuple):
    """How a base chain ended, and the step that says so."""

    verdict: Final
    trace: Trace | None = None


class _Frame:
    """A chain that is being walked, and the rule that comes next.

    `line`: from the base chain to this one, those left by goto among them.
    """

    __slots__ = ("line", "position", "rules")

    def __init__(self, line: tuple[str, ...], rules: Sequence[tuple[int, Rule]]) -> None:
        self.line, self.rules = line, rules
        self.position = 0

    @property
    def chain(self) -> str:
        return self.line[-1]


def run_base_chain(ctx: RuleContext, base: BaseChain) -> Decision:
    """Follow jumps until a rule ends the chain, else the policy.

    The kernel loads no chains that lead back to themselves, by jump or goto (mark_source_chains,
    nft_chain_validate): of those it is not known what they do.
    """
    entered = _enter(ctx, base, base.chain, ())
    if isinstance(entered, Unknown):
        return _lost(ctx, base, base.chain, entered)
    frames, seen = [entered], _snapshot(ctx)
    for _ in range(MAX_JUMPS):
        frame = frames[-1]
        verdict, trace, seen = _next_verdict(ctx, base, frame, seen)
        match verdict:
            case Return():
                frames.pop()
                if not frames:
                    return _policy(ctx, base)
            case Jump(chain=chain, goto=goto):
                if chain in frame.line:
                    break
                entered = _enter(ctx, base, chain, frame.line)
                if isinstance(entered, Unknown):
                    return _lost(ctx, base, frame.chain, entered)
                if goto:
                    frames.pop()
                frames.append(entered)
                if len(entered.line) > MAX_DEPTH:
                    break
            case Accept() | Drop() | Reject() | Nat() | Redirected() | Stolen():
                return Decision(verdict, trace)
            case _:
                assert_never(verdict)
    return _lost(ctx, base, base.chain, Unknown("the chains jump in a loop, or too often"))


class _Next(NamedTuple):
    """What ends a stretch of rules."""

    verdict: Final | Return | Jump
    trace: Trace | None
    seen: _Seen
    """What rules may change, after it."""


def _next_verdict(ctx: RuleContext, base: BaseChain, frame: _Frame, before: _Seen) -> _Next:
    """Of the frame's rules from its position on; Return at their end."""
    effort, rules = ctx.stack.choices.effort, frame.rules
    while frame.position < len(rules):
        effort.left -= 1
        if effort.left < 0:
            return _Next(*_lost(ctx, base, frame.chain, Unknown(EXHAUSTED)), before)
        number, rule = rules[frame.position]
        if isinstance(rule, FirstOfLots):
            passed_over = rule.passed_over(ctx, frame.chain)
            frame.position += passed_over
            if passed_over == rule.size:
                continue
            number, rule = rules[frame.position]
            verdict = _matched(ctx, base, frame.chain, number, rule)
        else:
            answer = rule.evaluate(ctx)
            if answer is PASSED_BY:
                frame.position += 1
                continue
            verdict = _decided(ctx, base, frame.chain, number, rule, answer)
        frame.position += 1
        after = _snapshot(ctx)
        if isinstance(verdict, Continue):
            if before != after:
                _step(ctx, base, frame.chain, number, rule, _changes(before, after))
                before = after
            continue
        if isinstance(verdict, _STOPS) and _forgiven(ctx, base, frame.chain, rule.text, number):
            before = after
            continue
        effect = _describe(verdict)
        if before != after:
            effect = f"{_changes(before, after)}, {effect}"
        return _Next(verdict, _step(ctx, base, frame.chain, number, rule, effect), after)
    return _Next(Return(), None, before)


def _forgiven(ctx: RuleContext, base: BaseChain, chain: str, text: str, number: int = 0) -> bool:
    """The question is what comes after this rule or policy."""
    if not ctx.stack.forgiven:
        return False
    where = ctx.stack.where(table=base.table.name, chain=chain, rule=number, hook=ctx.hook.value)
    return (where, text) in ctx.stack.forgiven


def _decided(
    ctx: RuleContext, base: BaseChain, chain: str, number: int, rule: Rule, verdict: Verdict | Unknown
) -> Verdict:
    if not isinstance(verdict, Unknown):
        return verdict
    if not ctx.stack.choices.undecided(_in_rule(base, chain, number, rule, verdict)):
        return Continue()
    return _matched(ctx, base, chain, number, rule)


def _matched(ctx: RuleContext, base: BaseChain, chain: str, number: int, rule: Rule) -> Verdict:
    verdict = rule.if_matched(ctx)
    return Stolen(_in_rule(base, chain, number, rule, verdict)) if isinstance(verdict, Unknown) else verdict


def _in_rule(base: BaseChain, chain: str, number: int, rule: Rule, unknown: Unknown) -> Unknown:
    return Unknown(f"{base.table.name} {chain} rule {number}: {unknown.reason}: {rule.text}")


def _enter(ctx: RuleContext, base: BaseChain, name: str, line: tuple[str, ...]) -> _Frame | Unknown:
    chain = base.table.chain(name)
    return chain if isinstance(chain, Unknown) else _Frame((*line, name), chain.rules(ctx.frame))


def _policy(ctx: RuleContext, base: BaseChain) -> Decision:
    text = f"-P {base.chain} DROP" if base.engine != "nft" else "policy drop"
    if base.policy == "accept" or _forgiven(ctx, base, base.chain, text):
        return Decision(Accept())
    trace = ctx.stack.step(
        "policy",
        text,
        "drop",
        tool=base.engine,
        table=base.table.name,
        chain=base.chain,
        hook=ctx.hook.value,
    )
    return Decision(Drop(), trace)


def _lost(ctx: RuleContext, base: BaseChain, chain: str, unknown: Unknown) -> Decision:
    trace = ctx.stack.step(
        "rule", unknown.reason, "unknown", table=base.table.name, chain=chain, hook=ctx.hook.value
    )
    return Decision(Stolen(unknown), trace)


def _step(ctx: RuleContext, base: BaseChain, chain: str, number: int, rule: Rule, effect: str) -> Trace:
    return ctx.stack.step(
        "rule",
        rule.text,
        effect,
        tool=base.engine,
        table=base.table.name,
        chain=chain,
        rule=number,
        hook=ctx.hook.value,
    )


def _snapshot(ctx: RuleContext) -> _Seen:
    passage = ctx.passage
    connection = connection_of(passage)
    return ctx.frame, passage.mark, passage.ct_state, connection.mark if connection else None


def _changes(before: _Seen, after: _Seen) -> str:
    if before == after:
        return ""
    names = ("packet", "mark", "ct state", "ct mark")
    changes = []
    for name, old, new in zip(names, before, after, strict=True):
        if old == new:
            continue
        if isinstance(old, int) and isinstance(new, int):
            changes.append(f"{name} {old:#x} → {new:#x}")
        else:
            changes.append(f"{name} changed" if name == "packet" else f"{name} {new}")
    return ", ".join(changes)


def _describe(verdict: Final | Return | Jump) -> str:
    match verdict:
        case Jump(chain=chain, goto=goto):
            return f"{'goto' if goto else 'jump'} {chain}"
        case Reject(kind=kind):
            return f"reject with {kind}"
        case Nat():
            return _describe_nat(verdict)
        case Redirected(device=device):
            return f"out by device {device}"
        case Stolen(unknown=unknown):
            return f"unknown: {unknown.reason}"
        case Accept() | Drop() | Return():
            return type(verdict).__name__.lower()
    assert_never(verdict)


def _describe_nat(nat: Nat) -> str:
    address = "" if nat.low is None else str(nat.low)
    if nat.high not in (None, nat.low):
        address += f"-{nat.high}"
    if nat.netmap_prefix:
        address += f"/{nat.netmap_prefix}"
    ports = "" if not nat.port_low else str(nat.port_low)
    if nat.port_high != nat.port_low:
        ports += f"-{nat.port_high}"
    return " ".join(part for part in (nat.kind, address, f"port {ports}" if ports else "") if part)
