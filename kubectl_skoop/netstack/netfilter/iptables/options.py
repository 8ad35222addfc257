"""The words of one saved rule: tokens, and the options of one match or target with their values."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Unreadable(ValueError):
    """An option, or a value of one, that is not modelled; the text says which."""


class Word(NamedTuple):
    """A word of a rule as iptables-save prints it."""

    text: str
    quoted: bool = False


class Option(NamedTuple):
    """An option with its values; `negated`: a `!` stands before it."""

    name: str
    values: tuple[str, ...] = ()
    negated: bool = False


class Options(NamedTuple):
    """What one `-m NAME` or `-j NAME` was given, in the order of the text."""

    family: int
    given: tuple[Option, ...]
    native: bool = False
    """iptables-nft: ports are read by nft's payload expression, not by the match's own function."""

    def find(self, *names: str) -> Option | None:
        for option in self.given:
            if option.name in names:
                return option
        return None

    def require(self, *names: str) -> Option:
        option = self.find(*names)
        if option is None:
            raise Unreadable(f"{' or '.join(names)} is missing")
        return option

    def has(self, *names: str) -> bool:
        return self.find(*names) is not None

    def value(self, *names: str, default: str = "") -> str:
        option = self.find(*names)
        return option.values[0] if option else default


def words(line: str) -> list[Word]:
    """Splits as iptables-restore does: by spaces, with double quotes and backslashes inside them.

    Raises: Unreadable if the line ends within quotes.
    """
    if '"' not in line:
        return [Word(text) for text in line.split()]
    found: list[Word] = []
    position = 0
    while position < len(line):
        quote = line.find('"', position)
        if quote < 0:
            found += [Word(text) for text in line[position:].split()]
            break
        found += [Word(text) for text in line[position:quote].split()]
        text, position = _quoted(line, quote + 1)
        found.append(Word(text, quoted=True))
    return found


def _quoted(line: str, position: int) -> tuple[str, int]:
    parts: list[str] = []
    while position < len(line):
        character = line[position]
        if character == '"':
            return "".join(parts), position + 1
        if character == "\\":
            position += 1
            character = line[position : position + 1]
        parts.append(character)
        position += 1
    raise Unreadable("the line ends within quotes")


def take_options(
    given: Sequence[Word], position: int, arity: Mapping[str, int]
) -> tuple[list[Option], int, str]:
    """Options from `position` on, where they end, and the first word there that is no option of this kind.

    The third is empty at the end of the rule and before `-m`, `-j` or `-g`.
    """
    options: list[Option] = []
    while position < len(given):
        start, negated = position, False
        if given[position].text == "!" and not given[position].quoted:
            negated, position = True, position + 1
        name = given[position].text if position < len(given) else ""
        count = arity.get(name)
        if count is None:
            return options, start, "" if is_section(given, start) else name or "!"
        values = given[position + 1 : position + 1 + count]
        # Some extensions print the negation between the option and its value.
        if values and values[0].text == "!" and not values[0].quoted:
            negated, position = not negated, position + 1
            values = given[position + 1 : position + 1 + count]
        if len(values) < count:
            raise Unreadable(f"{name} has no value")
        options.append(Option(name, tuple(word.text for word in values), negated))
        position += 1 + count
    return options, position, ""


def is_section(given: Sequence[Word], position: int) -> bool:
    """Where a match or a target begins."""
    return not given[position].quoted and given[position].text in {"-m", "-j", "-g"}


def number(text: str, limit: int = 0xFFFFFFFF) -> int:
    """Decimal, 0x… or octal as strtoul(3) reads it. Raises: Unreadable."""
    try:
        value = int(text, 8) if len(text) > 1 and text[0] == "0" and text.isdigit() else int(text, 0)
    except ValueError:
        raise Unreadable(f"{text} is no number") from None
    if not 0 <= value <= limit:
        raise Unreadable(f"{text} is out of range")
    return value


def masked(text: str, full: int = 0xFFFFFFFF) -> tuple[int, int]:
    """`VALUE/MASK` or `VALUE`."""
    value, slash, mask = text.partition("/")
    return number(value, full), number(mask, full) if slash else full


def interval(text: str, limit: int = 0xFFFF, separator: str = ":") -> tuple[int, int]:
    """`LOW:HIGH`, `LOW:`, `:HIGH` or `VALUE`, inclusive."""
    low, found, high = text.partition(separator)
    if not found:
        value = number(low, limit)
        return value, value
    return number(low, limit) if low else 0, number(high, limit) if high else limit


def member(text: str, names: Mapping[str, int]) -> int:
    """The sum of comma-separated flags. Raises: Unreadable."""
    value = 0
    for name in text.split(","):
        if name not in names:
            raise Unreadable(f"{name} is not known")
        value |= names[name]
    return value
