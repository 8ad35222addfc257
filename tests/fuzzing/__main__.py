"""Fuzz everything that reads a stranger's bytes: `make fuzz-files SECONDS=600`.

Each target has its share of the time, in a process of its own; with atheris the search is guided by coverage.
FOLDER keeps what was found: inputs that fail (`failures/`), inputs that reach new code (`corpus/`), and the
sums over all runs (`totals.json`). docs/fuzzing.md says what to do with a failure.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from tests.fuzzing import scratch
from tests.fuzzing.listed import NAMES

_EXECUTED = re.compile(r"^(?:stat::number_of_executed_units: |#)(\d+)", re.MULTILINE)
_COVERAGE = re.compile(r"\bcov: (\d+)")
_GRACE = 900
"""Seconds after which a process that does not end is ended: on a busy machine seeds alone take minutes."""


class Ran(NamedTuple):
    inputs: int
    edges: int
    """Of the package's code that was reached; 0: not measured."""


def run_target(name: str, folder: Path, seconds: float) -> Ran:
    """Starts again what ends early: an input that takes too much ends its process."""
    module = "guided" if find_spec("atheris") else "plain"
    end = time.monotonic() + seconds
    inputs = edges = 0
    while (left := end - time.monotonic()) > 1:
        command = [sys.executable, "-m", f"tests.fuzzing.{module}", name]
        command += [str(folder / "failures"), str(int(left) + 1), str(folder / "corpus" / name)]
        with scratch.new() as given, (folder / f"{name}.log").open("w+", errors="replace") as log:
            env = {**os.environ, scratch.GIVEN: given}
            try:
                subprocess.run(command, stdout=log, stderr=log, check=False, timeout=left + _GRACE, env=env)
            except subprocess.TimeoutExpired:
                (folder / "failures" / f"{name}-process-hang").touch()
            log.seek(0)
            told = log.read()
        executed = max(map(int, _EXECUTED.findall(told)), default=0)
        edges = max([edges, *map(int, _COVERAGE.findall(told))])
        inputs += executed
        if not executed:
            print(f"{name}: does not start, see {folder / name}.log", file=sys.stderr)
            break
    return Ran(inputs, edges)


def add_up(folder: Path, name: str, ran: Ran) -> Ran:
    """With earlier runs in the folder."""
    path = folder / "totals.json"
    totals = json.loads(path.read_text()) if path.exists() else {}
    before = totals.get(name, [0, 0])
    totals[name] = [before[0] + ran.inputs, max(before[1], ran.edges)]
    path.write_text(json.dumps(totals, indent=1))
    return Ran(*totals[name])


def failures(folder: Path, name: str) -> Sequence[Path]:
    """Without what libFuzzer calls slow: it counts by the clock, however busy the machine is."""
    found = sorted((folder / "failures").glob(f"{name}-*"))
    return [path for path in found if path.suffix != ".txt" and "-process-slow-unit-" not in path.name]


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60, help="for all targets together")
    parser.add_argument(
        "--folder", type=Path, default=Path("build/fuzz"), help="what was found; default: build/fuzz"
    )
    parser.add_argument("targets", nargs="*", help="default: all")
    options = parser.parse_args()
    names = options.targets or NAMES
    (options.folder / "failures").mkdir(parents=True, exist_ok=True)
    print(f"{'target':12}{'inputs':>12}{'in all':>12}{'edges':>8}  failures", flush=True)
    bad: list[Path] = []
    total = 0
    for name in names:
        ran = run_target(name, options.folder, options.seconds / len(names))
        summed = add_up(options.folder, name, ran)
        found = failures(options.folder, name)
        print(f"{name:12}{ran.inputs:12}{summed.inputs:12}{summed.edges:8}  {len(found)}", flush=True)
        bad += found
        total += ran.inputs
    print(f"{total} inputs, {len(bad)} failures")
    for path in bad:
        print(f"  {path}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
