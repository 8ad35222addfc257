"""What the program costs beside a bare interpreter: `python -m tests.bench.startup [ROUNDS]`.

Ratios of whole processes, measured in turn.
Byte code is there and used, as in an installation: without it the compiler would be measured.
Prints a Markdown table for `docs/performance.md`, with the limit that each ratio should stay below.
"""

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from snapshots.demo import questions

ROUNDS = 30
PYTHON = sys.executable
PROGRAM = str(Path(PYTHON).with_name("kubectl-skoop"))
PROJECT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    command: tuple[str, ...]
    limit: float
    """Times the bare interpreter; 0: the measure itself."""


SNAPSHOT = "snapshots/healthy-vxlan.skoop"
PODS = ("diagnose", "-s", "pod/default/a", "-d", "pod/default/b", "-p", "8080", "--snapshot", SNAPSHOT)


def cases() -> list[Case]:
    measure = Case("python3 -c pass", (PYTHON, "-c", "pass"), 0)
    runs = [(("--help",), 8), (PODS, 20), (questions()[0].arguments, 20)]
    named = [Case(" ".join(["kubectl-skoop", *words]), (PROGRAM, *words), limit) for words, limit in runs]
    return [measure, *named]


def environment(byte_code: str) -> dict[str, str]:
    """Ours, but with byte code written to a folder and read from there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return {**kept, "PYTHONPYCACHEPREFIX": byte_code}


def seconds(command: tuple[str, ...], env: dict[str, str]) -> float:
    start = time.perf_counter()
    subprocess.run(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, cwd=PROJECT, env=env
    )
    return time.perf_counter() - start


def main(rounds: int) -> None:
    measured = cases()
    times: dict[str, list[float]] = {case.name: [] for case in measured}
    with tempfile.TemporaryDirectory() as byte_code:
        env = environment(byte_code)
        for case in measured:
            seconds(case.command, env)
        for _ in range(rounds):
            for case in measured:
                times[case.name].append(seconds(case.command, env))
    base = statistics.median(times[measured[0].name])
    print(f"{rounds} rounds in turn, medians; Python {platform.python_version()}, {os.cpu_count()} cores\n")
    print("| command | ms | ratio | limit |\n| --- | ---: | ---: | ---: |")
    for case in measured:
        median = statistics.median(times[case.name])
        ratio = median / base
        print(f"| `{case.name}` | {median * 1000:.1f} | {ratio:.1f} | {case.limit or ''} |")


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else ROUNDS)
