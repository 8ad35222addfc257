"""One target without atheris: `python -m tests.fuzzing.plain TARGET FOUND SECONDS CORPUS`.

Mutations of the inputs that are kept, by chance alone: no coverage is measured.
"""

import resource
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

from tests.fuzzing.found import Found
from tests.fuzzing.kept import inputs_of
from tests.fuzzing.listed import load
from tests.fuzzing.mutate import mutated
from tests.fuzzing.target import MEGABYTES, Target, failure_of


def attempts(target: Target, seeds: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Without end; equal ones for an equal seed."""
    dice = Random(seed)
    while True:
        yield mutated(dice.choice(seeds), dice, target.words, target.codec, dice.choice(seeds))


def megabytes() -> int:
    """Of this process at its largest."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10


def main(name: str, found: str, seconds: str, corpus: str) -> int:
    target = load(name)
    failures = Found(Path(found), target)
    end = time.monotonic() + float(seconds)
    count = 0
    for data in attempts(target, inputs_of(target), time.time_ns()):
        if (failure := failure_of(target, data)) is not None:
            failures.keep(data, failure)
        count += 1
        if megabytes() > MEGABYTES:
            (Path(found) / f"{name}-process-memory").write_bytes(data)
            break
        if time.monotonic() > end:
            break
    print(f"stat::number_of_executed_units: {count}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
