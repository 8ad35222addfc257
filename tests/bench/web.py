"""How long the pages of `serve` take: `python -m tests.bench.web FILE`, of `tests.bench.large`.

Prints a Markdown table for `docs/performance.md`: each page asked for the first time, and again. Where other
work runs on the machine, the times of the processor say more.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from tests.bench.large import SERVICE, SOURCE

PROGRAM = Path(sys.executable).with_name("kubectl-skoop")
QUESTION = f"s={SOURCE}&d={SERVICE}&p=80"
PAGES = {
    "home": "",
    "completion": "names?q=team-500",
    "answer": f"ask?{QUESTION}",
    "answer about another pod": f"ask?s=pod/team-002/db-000002&d={SERVICE}&p=80",
    "table with marks": f"place?at=node/worker-0001&what=iptables&{QUESTION}",
    "cluster": "cluster",
    "cluster, where something is missing": "cluster?missing=1",
    "codes": "codes",
    "list of places": "places?q=worker-4",
    "table of another node": "place?at=node/worker-1100&what=routes",
    "matrix": "matrix",
    "matrix of a namespace": "matrix?from=ns/team-001",
}


def main(file: Path) -> None:
    begun = time.monotonic()
    command = [str(PROGRAM), "serve", "--snapshot", str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            home = server.stdout.readline().strip()
            print(f"{file.stat().st_size / 1e6:.0f} MB; the address after {time.monotonic() - begun:.2f} s\n")
            print("| page | first, s | its processor, s | again, s | its processor, s |")
            print("| --- | ---: | ---: | ---: | ---: |")
            for name, path in PAGES.items():
                first, again = (_cost(server.pid, partial(_seconds, home + path)) for _ in range(2))
                print(f"| {name} | {first} | {again} |", flush=True)
            there = _cost(server.pid, partial(_until_there, f"{home}matrix"))
            print(f"| matrix, until it is there | {there} | | |")
            for name in ("matrix", "matrix of a namespace"):
                print(f"| {name}, then | | | {_cost(server.pid, partial(_seconds, home + PAGES[name]))} |")
            print(f"\nmemory: {_megabytes(server.pid)} MB")
        finally:
            server.kill()


def _seconds(address: str) -> float:
    begun = time.monotonic()
    with urlopen(address, timeout=600) as answer:
        answer.read()
    return time.monotonic() - begun


def _cost(process: int, wait: Callable[[], float]) -> str:
    """Two cells: what it waited, and what the server spent meanwhile."""
    before = _processor(process)
    seconds = wait()
    return f"{seconds:.3f} | {_processor(process) - before:.2f}"


def _processor(process: int) -> float:
    """Seconds that it and those that it started have spent; proc(5), utime to cstime."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _until_there(address: str) -> float:
    """While the page says that it loads itself again."""
    begun = time.monotonic()
    while True:
        with urlopen(address, timeout=600) as answer:
            if b'http-equiv="refresh"' not in answer.read():
                return time.monotonic() - begun
        time.sleep(0.1)


def _megabytes(process: int) -> int:
    """The most that it had resident."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
