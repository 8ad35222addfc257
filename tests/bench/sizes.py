"""What a large snapshot costs by its number of nodes: `python -m tests.bench.sizes [NODES …]`.

Whole processes: writing it, then a diagnosis, one table and the list of places of the file. Times of the
processor and the most memory of each, as a Markdown table. Writing 5,000 nodes takes a quarter of an hour.
"""

import sys
import tempfile
from pathlib import Path

from tests.bench.large import SERVICE, SOURCE
from tests.bench.made.topology import sized
from tests.bench.node import PROGRAM, Cost, run

NODES = (50, 500)
PLACE = "node/worker-0007"


def row(nodes: int, file: Path) -> str:
    written = run(sys.executable, "-m", "tests.bench.large", str(file), str(nodes), rounds=1)
    questions = (("diagnose", SOURCE, SERVICE, "-p", "80"), ("inspect", PLACE, "routes"), ("inspect",))
    read = [run(PROGRAM, *words, "--snapshot", str(file)) for words in questions]
    assert read[0].output.startswith("reachable"), read[0].output
    size, megabytes = sized(nodes), file.stat().st_size / 1e6
    cells = [f"{nodes:,}", f"{size.pods:,}", f"{size.services:,}", f"{megabytes:.1f}"]
    return " | ".join([*cells, *(_cell(cost) for cost in (written, *read))])


def _cell(cost: Cost) -> str:
    return f"{cost.seconds:.2f} s, {cost.megabytes} MB"


def main() -> None:
    print("| nodes | pods | services | file, MB | written | diagnosis | one table | list of places |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for nodes in map(int, sys.argv[1:] or NODES):
            print(f"| {row(nodes, Path(folder) / 'large.skoop')} |", flush=True)


if __name__ == "__main__":
    main()
