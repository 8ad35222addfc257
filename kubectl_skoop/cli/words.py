"""Options that take several words."""

from collections.abc import Sequence


def spread(words: Sequence[str], lists: Sequence[str]) -> list[str]:
    """`--objects a b` as `--objects a --objects b`, so that `--objects *.yaml` works."""
    spread: list[str] = []
    option, taken = "", 0
    for word in words:
        if word.startswith("-") and word != "-":
            option, taken = (word if word in lists else ""), 0
        elif option:
            if taken:
                spread.append(option)
            taken += 1
        spread.append(word)
    return spread
