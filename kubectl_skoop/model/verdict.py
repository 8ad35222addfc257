"""Three-valued truth, and the choices that split a walk into branches."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from operator import itemgetter
from typing import NamedTuple, NoReturn, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unknown:
    """Not decidable from what was collected, or not modelled; `reason` says which."""

    reason: str

    def __bool__(self) -> NoReturn:
        raise TypeError(f"an unknown was read as yes or no: {self.reason}")


Ternary = bool | Unknown


def negate(value: Ternary) -> Ternary:
    return value if isinstance(value, Unknown) else not value


class Choice(NamedTuple):
    """One decision that the state does not make: random (with probabilities) or unknown (without)."""

    what: str
    taken: int
    probabilities: tuple[Fraction, ...]
    """Empty for an unknown: then both ways are followed and must agree."""
    reason: str = ""


MAX_RULES = 12_000_000
"""Rules that all walks of one question may meet."""
STEP = 12
"""Rules that take as long as one step that is kept; so a million of these in all."""
EXHAUSTED = "more rules lie on the way than are walked for one question"


class Effort:
    """What is left to spend on one question, by all its walks: a forged snapshot can ask for years.

    The two walks to a service with 1,000 endpoints and kube-proxy's rules for iptables take half of it.
    """

    __slots__ = ("left",)

    def __init__(self, left: int = MAX_RULES) -> None:
        self.left = left


class Choices:
    """The decisions of one branch.

    A walk is straight-line code that asks here where the kernel would draw a random number or where we do
    not know. The driver (`diagnosis.walk.fan_out`) runs the walk again for each other answer: `script` holds
    the answers to give first, in order; after it the first alternative is taken and recorded.
    """

    __slots__ = ("effort", "hashed", "made", "script")

    def __init__(self, script: tuple[int, ...] = (), effort: Effort | None = None) -> None:
        self.script = script
        self.made: list[Choice] = []
        self.effort = effort or Effort()
        self.hashed: dict[Hashable, int] = {}
        """Which option was picked for a key (`pick_by_hash`)."""

    def pick(self, what: str, options: Sequence[tuple[Fraction, T]]) -> T:
        """One of the options; their probabilities must add up to 1."""
        if len(options) == 1:
            return options[0][1]
        taken = self._next()
        self.made.append(Choice(what, taken, tuple(map(itemgetter(0), options))))
        return options[taken][1]

    def pick_by_hash(self, key: Hashable, what: str, options: Sequence[tuple[Fraction, T]]) -> T:
        """As `pick`, where a hash of `key` decides: the same key always gets the same option."""
        if key not in self.hashed:
            self.hashed[key] = self.pick(what, [(share, index) for index, (share, _) in enumerate(options)])
        return options[self.hashed[key]][1]

    def undecided(self, unknown: Unknown) -> bool:
        """True in one branch, False in another; the verdict stands only where they agree."""
        for choice in self.made:
            if choice.reason == unknown.reason:
                return choice.taken == 0
        taken = self._next()
        self.made.append(Choice("unknown", taken, (), unknown.reason))
        return taken == 0

    def decide(self, value: Ternary) -> bool:
        return self.undecided(value) if isinstance(value, Unknown) else value

    def _next(self) -> int:
        position = len(self.made)
        return self.script[position] if position < len(self.script) else 0
