"""arptables-legacy: its listing, in the form of a save text.

arptables-legacy-save is a script that asks whatever `arptables` is, which the nft back end mostly is: then it
prints none of the rules.
"""

import re
from collections.abc import Iterator

COMMAND = ("arptables-legacy", "-n", "-L")
HEADER = "# arptables-legacy -n -L"
_VERDICTS = frozenset({"ACCEPT", "DROP", "RETURN"})
_CHAIN = re.compile(r"^Chain (\S+) \((?:policy (\S+?)|\d+ references?)\)$")


def as_save(listing: str) -> str:
    """Raises OSError: a line that is none of such a listing."""
    return "\n".join([HEADER, "*filter", *_lines(listing), "COMMIT", ""])


def _lines(listing: str) -> Iterator[str]:
    chain, rules = "", []
    for line in filter(None, map(str.strip, listing.splitlines())):
        found = _CHAIN.match(line)
        if found:
            chain = found[1]
            yield f":{chain} {found[2] or '-'}"
        elif not chain:
            raise OSError(f"arptables-legacy lists {line!r} before any chain")
        else:
            rules.append(f"-A {chain} {_target_last(line)}")
    yield from rules


def _target_last(rule: str) -> str:
    """As save texts have it; the options of other targets stand last, among those of the rule."""
    words = rule.split()
    if words[:1] == ["-j"] and words[1] in _VERDICTS:
        words = [*words[2:], *words[:2]]
    return " ".join(words)
