"""Limits that drop without a rule: what is full now, and what was counted.

A counter never says that one packet was lost: it is told where at least one of a thousand was, and ten.
"""

FEWEST, SHARE = 10, 1000
"""Losses that are told, and one of how many they are at least."""


def notable(lost: int, of: int) -> bool:
    return lost >= FEWEST and lost * SHARE >= of
