"""How long the pages of `serve` take with a large snapshot: `python -m tests.bench.web`.

Prints a Markdown table for `docs/performance.md`: each page asked for the first time, and again.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

from tests.bench.large import LARGE, write_large

PROGRAM = Path(sys.executable).with_name("kubectl-skoop")
QUESTION = "s=pod/default/a&d=svc/default/pair&p=80"
MEANWHILE = "s=pod/default/a2&d=svc/default/pair&p=80"
PAGES = {
    "home": "",
    "completion": "names?q=team-500",
    "answer": f"ask?{QUESTION}",
    "table with marks": f"place?at=node/n1&what=iptables&{QUESTION}",
    "cluster": "cluster",
    "cluster, where something is missing": "cluster?missing=1",
    "codes": "codes",
    "list of places": "places?q=worker-4",
    "table of another node": "place?at=node/worker-4000&what=routes",
    "matrix": "matrix",
    "matrix of a namespace": "matrix?from=ns/team-001",
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "large.skoop"
        write_large(file, LARGE)
        begun = time.monotonic()
        with subprocess.Popen(
            [PROGRAM, "serve", "--snapshot", file], stdout=subprocess.PIPE, text=True
        ) as server:
            try:
                assert server.stdout is not None
                home = server.stdout.readline().strip()
                print(
                    f"{LARGE.nodes:,} nodes, {LARGE.pods:,} pods, {file.stat().st_size / 1e6:.0f} MB; ",
                    end="",
                )
                print(f"the address after {time.monotonic() - begun:.2f} s\n")
                print("| page | first, s | again, s |\n| --- | ---: | ---: |")
                for name, path in PAGES.items():
                    print(f"| {name} | {_seconds(home + path):.3f} | {_seconds(home + path):.3f} |")
                print(f"| matrix, until it is there | {_until_there(f'{home}matrix'):.3f} | |")
                print(f"| check, while nodes are compared | {_seconds(f'{home}check'):.3f} | |")
                print(f"| answer of another pod, meanwhile | {_seconds(f'{home}ask?{MEANWHILE}'):.3f} | |")
                for name in ("matrix", "matrix of a namespace"):
                    print(f"| {name}, then | | {_seconds(home + PAGES[name]):.3f} |")
                print(f"\nmemory: {_megabytes(server.pid)} MB")
            finally:
                server.terminate()


def _seconds(address: str) -> float:
    begun = time.monotonic()
    with urlopen(address, timeout=600) as answer:
        answer.read()
    return time.monotonic() - begun


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
    main()
