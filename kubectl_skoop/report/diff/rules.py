"""Rules by chain, without counters, handles, and times."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from kubectl_skoop.netstack.netfilter.nft.text import print_rule
from kubectl_skoop.report.diff.change import Lines, TableChange, changed_lines
from kubectl_skoop.report.diff.order import canonical
from kubectl_skoop.report.inspect.nftables import element_text, ruleset
from kubectl_skoop.report.inspect.printer import IPTABLES
from kubectl_skoop.report.inspect.state import State
from kubectl_skoop.snapshot.decode.entry import Entry

_COUNTERS = re.compile(r"^\[\d+:\d+\] | \[\d+:\d+\]$")
_NFT_COUNTER = re.compile(r"counter packets \d+ bytes \d+")
_AGE = re.compile(r" expires \d+\w*")
_SAVED = re.compile(r"^\*(\S+)$", re.MULTILINE)
_SAVE_TEXTS = {"ip": "iptables-nft", "ip6": "ip6tables-nft"}


class Chain(NamedTuple):
    table: str
    name: str

    def __str__(self) -> str:
        return f"{self.table} {self.name}"


class Chains(NamedTuple):
    """`lines`: chains with their policies, sets, elements. `rules`: of each chain, in order."""

    lines: list[str]
    rules: dict[Chain, list[str]]


def compare(what: str, before: Chains, after: Chains) -> TableChange:
    removed, added = map(list, changed_lines(before.lines, after.lines))
    reordered = []
    for chain in dict.fromkeys((*before.rules, *after.rules)):
        written = [rules.get(chain, ()) for rules in (before.rules, after.rules)]
        if written[0] == written[1]:
            continue
        old, new = map(canonical, written)
        changed = changed_lines(old, new)
        removed += [_placed(chain, rule) for rule in changed.removed]
        added += [_placed(chain, rule) for rule in changed.added]
        if _kept(old, changed.removed) != _kept(new, changed.added):
            reordered.append(str(chain))
    return TableChange(what, Lines(tuple(removed), tuple(added)), tuple(reordered))


def _placed(chain: Chain, rule: str) -> str:
    """A rule of iptables names its chain itself."""
    return f"{chain.table if rule.startswith('-A ') else chain}: {rule}"


def iptables_chains(state: State) -> Chains:
    """Of all back ends; the chain's name begins with back end and table."""
    chains = Chains([], {})
    for back_end in IPTABLES:
        table = ""
        for line in state.text(back_end).split("\n"):
            bare = _COUNTERS.sub("", line)
            if line.startswith("*"):
                table = line[1:]
            elif bare.startswith(":"):
                chains.lines.append(f"{back_end} {table}: {bare}")
            elif bare.startswith("-A "):
                chain = bare.split(" ", 2)[1]
                chains.rules.setdefault(Chain(f"{back_end} {table}", chain), []).append(bare)
    return chains


def nft_chains(state: State) -> Chains:
    """Without the tables that a save text of iptables has. Raises: FormatError."""
    chains = Chains([], {})
    if not (text := state.text("nft")).strip():
        return chains
    saved = {family: set(_SAVED.findall(state.text(name))) for family, name in _SAVE_TEXTS.items()}
    for kind, body in ruleset(text):
        family = body.text("family", "")
        table = body.text("name" if kind == "table" else "table", "")
        if not table or table in saved.get(family, ()):
            continue
        where = f"{family} {table}"
        if kind == "table":
            chains.lines.append(f"table {where}")
        elif kind == "rule":
            written = _NFT_COUNTER.sub("counter", print_rule(body.fields))
            chains.rules.setdefault(Chain(where, body.text("chain")), []).append(written)
        else:
            chains.lines.extend(_declared(kind, where, body))
    return chains


def _declared(kind: str, where: str, body: Entry) -> Iterator[str]:
    name = body.text("name", "")
    told = {
        key: value
        for key, value in body.fields.items()
        if key not in ("family", "table", "name", "handle", "elem", "bytes", "packets", "used")
    }
    yield " ".join([f"{where}: {kind} {name}", *(f"{key} {_written(value)}" for key, value in told.items())])
    elements = body.fields.get("elem", [])
    for element in elements if isinstance(elements, list) else ():
        yield f"{where} {name}: {_AGE.sub('', _NFT_COUNTER.sub('counter', element_text(element)))}"


def _written(value: object) -> str:
    return " . ".join(map(str, value)) if isinstance(value, list) else str(value)


def _kept(rules: list[str], without: tuple[str, ...]) -> list[str]:
    """The rules that are in both, in their order."""
    left = Counter(without)
    kept = []
    for rule in rules:
        if left[rule]:
            left[rule] -= 1
        else:
            kept.append(rule)
    return kept
