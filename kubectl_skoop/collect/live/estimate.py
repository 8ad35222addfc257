"""How large a snapshot will be and how long it will take: roughly before, better after the first nodes."""

from typing import NamedTuple

NODE_BYTES, POD_BYTES, SERVICE_BYTES = 25_000, 3_000, 170
"""In the file: of a node itself, of each pod on it, and of the rules that each node has for a service of two
endpoints (docs/performance.md)."""
NODE_SECONDS, POD_SECONDS, SERVICE_SECONDS = 2.0, 0.012, 0.0001
"""The same for reading it; of the node itself, until its collector runs, the image being there."""
WRITE_SECONDS = 0.01
"""Of this machine, for each node."""
MANY_BYTES = 100e6
MANY_SECONDS = 60.0
"""From either on it is worth saying before."""


class Estimate(NamedTuple):
    """Of a whole snapshot."""

    nodes: int
    size: float
    """Bytes of the file."""
    seconds: float

    @property
    def large(self) -> bool:
        return self.size >= MANY_BYTES or self.seconds >= MANY_SECONDS

    def __str__(self) -> str:
        return f"{self.nodes:,} nodes, about {_bytes(self.size)}, about {_time(self.seconds)}"


def by_objects(pods: list[int], services: int, parallel: int) -> Estimate:
    """`pods`: how many each of the nodes has. `parallel`: nodes that are collected at a time."""
    nodes = len(pods)
    at_once = min(parallel, nodes) or 1
    work = nodes * (NODE_SECONDS + SERVICE_SECONDS * services) + POD_SECONDS * sum(pods)
    return Estimate(
        nodes=nodes,
        size=nodes * (NODE_BYTES + SERVICE_BYTES * services) + POD_BYTES * sum(pods),
        seconds=max(work / at_once, nodes * WRITE_SECONDS),
    )


def by_first(done: int, nodes: int, size: float, seconds: float) -> Estimate:
    """If the others are as the `done` first ones, at least one, which took so many bytes and seconds."""
    return Estimate(nodes=nodes, size=size / done * nodes, seconds=seconds / done * nodes)


def _bytes(size: float) -> str:
    for unit, factor in (("GB", 1e9), ("MB", 1e6)):
        if size >= factor:
            return f"{_rounded(size / factor)} {unit}"
    return f"{_rounded(max(size, 1e3) / 1e3)} kB"


def _time(seconds: float) -> str:
    for unit, factor in (("h", 3600.0), ("min", 60.0)):
        if seconds >= factor:
            return f"{_rounded(seconds / factor)} {unit}"
    return f"{_rounded(max(seconds, 1.0))} s"


def _rounded(number: float) -> str:
    """Two digits say enough."""
    return f"{number:.1f}" if number < 9.95 else f"{float(f'{number:.2g}'):.0f}"
