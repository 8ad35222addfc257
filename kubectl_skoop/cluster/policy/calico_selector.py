"""Calico's selector language → terms. Grammar and precedence: libcalico-go/lib/selector/parser.

    all()  global()  has(k)  !has(k)  k == 'v'  k != 'v'  k in {…}  k not in {…}
    k contains 'v'  k starts with 'v'  k ends with 'v'  !e  e && e  e || e  (e)

`!=` and `not in` hold where the label is missing, too.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from kubectl_skoop.cluster.policy.rule import Invalid
from kubectl_skoop.cluster.policy.term import EVERYBODY, All, Labelled, Nobody, Not, Some, Term

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<text>"[^"]*"|'[^']*')
    | (?P<has>has\(\s*(?P<key>[A-Za-z0-9_./-]+)\s*\))
    | (?P<call>all\(\s*\)|global\(\s*\))
    | (?P<sign>==|!=|&&|\|\||[!(){},])
    | (?P<word>[A-Za-z0-9_./-]+)
    )""",
    re.VERBOSE,
)
_DEEPEST = 64
_LONGEST = 1 << 16
Leaf = Callable[[str, str, tuple[str, ...]], Term]
"""Key, test as in `Labelled`, values → the term for it."""


@dataclass(slots=True)
class _Tokens:
    written: Sequence[tuple[str, str]]
    at: int = 0

    @property
    def next(self) -> tuple[str, str]:
        return self.written[self.at] if self.at < len(self.written) else ("end", "")

    def take(self, *wanted: str) -> str:
        """The next one, if it is one of these. Empty: it is not."""
        if self.next[1] in wanted and self.next[0] in ("sign", "word"):
            self.at += 1
            return self.written[self.at - 1][1]
        return ""

    def expect(self, wanted: str) -> None:
        if not self.take(wanted):
            raise Invalid(f"expected {wanted!r}, not {self.next[1] or 'the end'!r}, in a selector")

    def value(self) -> str:
        kind, written = self.next
        if kind != "text":
            raise Invalid(f"expected a quoted text, not {written or 'the end'!r}, in a selector")
        self.at += 1
        return written[1:-1]


def calico_selector(written: object, leaf: Leaf) -> Term:
    """Empty: all(). Raises: Invalid."""
    if not isinstance(written, str):
        raise Invalid(f"a selector must be a text, not {written!r}")
    if not written.strip():
        return EVERYBODY
    tokens = _Tokens(_split(written))
    term = _either(tokens, leaf, 0)
    if tokens.next[0] != "end":
        raise Invalid(f"unexpected {tokens.next[1]!r} in the selector {written[:60]!r}")
    return term


def labelled(scope: str, key: str, test: str, values: tuple[str, ...]) -> Term:
    match scope, test:
        case ("pod" | "namespace" | "node" | "account") as known, (
            "in" | "exists" | "contains" | "starts with" | "ends with"
        ) as kind:
            return Labelled(known, key, kind, values)
        case _:
            raise AssertionError(f"{scope} {test}")


def _split(written: str) -> list[tuple[str, str]]:
    if len(written) > _LONGEST:
        raise Invalid(f"a selector of {len(written)} characters")
    found: list[tuple[str, str]] = []
    at, end = 0, len(written.rstrip())
    while at < end:
        token = _TOKEN.match(written, at)
        if token is None:
            raise Invalid(f"the selector {written[:60]!r} cannot be read at {written[at : at + 10]!r}")
        kind = str(token.lastgroup)
        if token["has"] is not None:
            kind, text = "has", token["key"]
        else:
            text = token[kind]
        found.append((kind, text))
        at = token.end()
    return found


def _either(tokens: _Tokens, leaf: Leaf, depth: int) -> Term:
    terms = [_both(tokens, leaf, depth)]
    while tokens.take("||"):
        terms.append(_both(tokens, leaf, depth))
    return terms[0] if len(terms) == 1 else Some(tuple(terms))


def _both(tokens: _Tokens, leaf: Leaf, depth: int) -> Term:
    terms = [_one(tokens, leaf, depth)]
    while tokens.take("&&"):
        terms.append(_one(tokens, leaf, depth))
    return terms[0] if len(terms) == 1 else All(tuple(terms))


def _one(tokens: _Tokens, leaf: Leaf, depth: int) -> Term:
    if depth > _DEEPEST:
        raise Invalid("a selector is nested too deep")
    if tokens.take("!"):
        return Not(_one(tokens, leaf, depth + 1))
    if tokens.take("("):
        term = _either(tokens, leaf, depth + 1)
        tokens.expect(")")
        return term
    kind, text = tokens.next
    tokens.at += 1
    match kind:
        case "has":
            return leaf(text, "exists", ())
        case "call":
            return EVERYBODY if text.startswith("all") else Nobody()
        case "word":
            return _test(tokens, leaf, text)
        case _:
            raise Invalid(f"unexpected {text or 'end'!r} in a selector")


def _test(tokens: _Tokens, leaf: Leaf, key: str) -> Term:
    if tokens.take("=="):
        return leaf(key, "in", (tokens.value(),))
    if tokens.take("!="):
        return Not(leaf(key, "in", (tokens.value(),)))
    if tokens.take("in"):
        return leaf(key, "in", _set(tokens))
    if tokens.take("not"):
        tokens.expect("in")
        return Not(leaf(key, "in", _set(tokens)))
    if tokens.take("contains"):
        return leaf(key, "contains", (tokens.value(),))
    for where in ("starts", "ends"):
        if tokens.take(where):
            tokens.expect("with")
            return leaf(key, f"{where} with", (tokens.value(),))
    raise Invalid(f"unknown operator {tokens.next[1]!r} for label {key} in a selector")


def _set(tokens: _Tokens) -> tuple[str, ...]:
    tokens.expect("{")
    values: list[str] = []
    while not tokens.take("}"):
        values.append(tokens.value())
        if not tokens.take(","):
            tokens.expect("}")
            break
    return tuple(values)
