"""Random rules, sets, routes against the kernel, with new seeds until the time is over.

`make fuzz SECONDS=60`. Every kernel test with a parameter `seed` takes part. A round that fails names its
first seed, and `make fuzz SEED=N` runs the same again. SKOOP_VOLUME (5 here, 1 in `make test`) says how many
packets and lookups a seed gets.
"""

import argparse
import os
import sys
import time
from random import SystemRandom

import pytest

FAR = 1 << 32
VOLUME = "5"


class NewSeeds:
    """Only tests with a seed, and each with another seed than the one that is written in it."""

    def __init__(self, first: int) -> None:
        self._first = first
        self.sums: list[str] = []
        """What modules print in the end: how many flows they asked, and of how many they know no verdict."""

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        seeded = [item for item in items if isinstance(item, pytest.Function) and "seed" in _parameters(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in seeded])
        for item in seeded:
            seed = _parameters(item)["seed"]
            if isinstance(seed, int):
                _parameters(item)["seed"] = self._first + seed
        items[:] = seeded

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "teardown":
            module = report.nodeid.partition("::")[0]
            self.sums += [f"{module}: {line}" for line in report.capstdout.splitlines()]


def _parameters(item: pytest.Function) -> dict[str, object]:
    return item.callspec.params if hasattr(item, "callspec") else {}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="start no round after this time")
    parser.add_argument("--seed", type=int, help="first seed of one single round")
    options = parser.parse_args()
    os.environ.setdefault("SKOOP_VOLUME", VOLUME)
    end = time.monotonic() + options.seconds
    rounds = 0
    while rounds == 0 or (options.seed is None and time.monotonic() < end):
        first = SystemRandom().randrange(FAR) if options.seed is None else options.seed
        print(f"round {rounds + 1}, first seed {first}", flush=True)
        seeds = NewSeeds(first)
        code = pytest.main(["-q", "-x", "tests/kernel"], plugins=[seeds])
        print(*seeds.sums, sep="\n", flush=True)
        if code != pytest.ExitCode.OK:
            print(f"error: this round failed; again with: make fuzz SEED={first}", file=sys.stderr)
            return int(code)
        rounds += 1
    print(f"{rounds} rounds, no difference")
    return 0


if __name__ == "__main__":
    sys.exit(main())
