"""Shares of branches in words."""

from fractions import Fraction


def percent(share: Fraction) -> str:
    """`33 %`; a share that is above 0 or below 1 is never shown as none or all."""
    rounded = round(share * 100)
    if rounded == 0 and share > 0:
        return "<1 %"
    if rounded == 100 and share < 1:
        return ">99 %"
    return f"{rounded} %"
