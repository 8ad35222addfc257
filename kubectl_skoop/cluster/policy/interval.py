"""Sets of whole numbers as sorted, disjoint, inclusive intervals: of ports, and of addresses."""

from bisect import bisect_right
from collections.abc import Iterable

Intervals = tuple[tuple[int, int], ...]
"""Not adjacent either: equal sets are equal tuples."""

EMPTY: Intervals = ()


def union(parts: Iterable[tuple[int, int]]) -> Intervals:
    """Of intervals in any order, which may overlap."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(parts):
        if merged and low <= merged[-1][1] + 1:
            if high > merged[-1][1]:
                merged[-1] = (merged[-1][0], high)
        else:
            merged.append((low, high))
    return tuple(merged)


def intersect(one: Intervals, other: Intervals) -> Intervals:
    if one == other:
        return one
    found: list[tuple[int, int]] = []
    here = there = 0
    while here < len(one) and there < len(other):
        low, high = max(one[here][0], other[there][0]), min(one[here][1], other[there][1])
        if low <= high:
            found.append((low, high))
        if one[here][1] < other[there][1]:
            here += 1
        else:
            there += 1
    return tuple(found)


def subtract(one: Intervals, other: Intervals) -> Intervals:
    if not other or not one:
        return one
    found: list[tuple[int, int]] = []
    position = 0
    for low, high in one:
        while position < len(other) and other[position][1] < low:
            position += 1
        at = position
        while at < len(other) and other[at][0] <= high:
            if low < other[at][0]:
                found.append((low, other[at][0] - 1))
            low = max(low, other[at][1] + 1)
            at += 1
        if low <= high:
            found.append((low, high))
    return tuple(found)


def contains(intervals: Intervals, number: int) -> bool:
    at = bisect_right(intervals, (number, number))
    if at < len(intervals) and intervals[at][0] == number:
        return True
    return at > 0 and intervals[at - 1][0] <= number <= intervals[at - 1][1]
