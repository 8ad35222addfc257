"""What rules cost on one node: `python -m tests.bench.node [ROUNDS]`.

A process from start to end, and further flows of a snapshot that is open: each is a whole diagnosis of a flow
that was not asked for before, though its places were.

Two nodes with 100, 1,000 and 10,000 services in both modes, with 20 MB of rules for iptables, and a Calico
with 3,000 chains and a set of 5,000 members; beside that, what reading the same rules costs. Times of the
processor, as a Markdown table.
"""

import gc
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from kubectl_skoop.cli.start import GARBAGE_THRESHOLD
from kubectl_skoop.diagnosis.diagnose import Desk
from kubectl_skoop.diagnosis.request import Options, Request
from kubectl_skoop.diagnosis.walk.flow import FlowResult, Runner
from kubectl_skoop.snapshot.source import open_snapshot
from tests.bench.large import SERVICE, SOURCE
from tests.bench.made.one_node import write_calico, write_services
from tests.bench.made.topology import APPS

ROUNDS = 3
FLOWS = 90
WARM = 30
"""Flows that are not counted: the places and chains are met first."""
PROGRAM = str(Path(sys.executable).with_name("kubectl-skoop"))


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one process."""

    seconds: float
    """Of the processor."""
    megabytes: int
    output: str


def run(*command: str, rounds: int = ROUNDS) -> Cost:
    """The cheapest of some rounds."""
    costs = []
    for _ in range(rounds):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        output = process.stdout.read()
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
        costs.append(Cost(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024, output))
    return min(costs, key=lambda cost: cost.seconds)


def next_flows(file: str, services: int) -> None:
    """Prints the least times of further flows, in ms: of a whole diagnosis with one endpoint on the sender's
    node, with one on another node, with two endpoints; and of one walk there and back to another node."""
    walked: list[float] = []
    run_flow = Runner.run

    def timed(*arguments: object) -> FlowResult:
        begun = time.process_time()
        try:
            return run_flow(*arguments)  # type: ignore[arg-type]
        finally:
            walked.append(time.process_time() - begun)

    Runner.run = timed  # type: ignore[method-assign, assignment]
    gc.set_threshold(GARBAGE_THRESHOLD)
    desk = Desk(open_snapshot(file), Options())
    least = dict.fromkeys(("near", "far", "two", "walk"), math.inf)
    for number, request in enumerate(questions(services)):
        walked.clear()
        begun = time.process_time()
        answer = desk.answer(request)
        spent = time.process_time() - begun
        nodes = {node.place for node in answer.path.nodes if node.place.kind == "node"}
        kind = "two" if len(answer.branches) > 1 else "far" if len(nodes) > 1 else "near"
        if number >= WARM:
            least[kind] = min(least[kind], spent)
            least["walk"] = min(least["walk"], *walked) if kind == "far" else least["walk"]
    print(*(spent * 1e3 for spent in least.values()))


def questions(services: int) -> list[Request]:
    if not services:
        pairs = [("a", "b"), ("a2", "b2"), ("b", "a"), ("b2", "a2"), ("a", "b2"), ("a2", "b")]
        ends = [(f"pod/default/{src}", f"pod/default/{dst}", "8080") for src, dst in pairs * 15]
    else:
        names = [f"svc/team-{number % 5:03d}/{APPS[number % 5]}-{number}" for number in range(1, FLOWS + 1)]
        ends = [(SOURCE, name, "80") for name in names]
    return [Request(source=source, destination=target, port=port) for source, target, port in ends]


def measure(name: str, file: str, services: int, rounds: int) -> None:
    """One row."""
    question = ("pod/default/a", "pod/default/b", "-p", "8080")
    if services:
        question = (SOURCE, SERVICE, "-p", "80")
    text = run(sys.executable, "-m", "tests.bench.rules_text", file, rounds=rounds)
    cold = run(PROGRAM, "diagnose", *question, "--snapshot", file, rounds=rounds)
    assert cold.output.startswith("reachable"), cold.output
    following = run(sys.executable, "-m", __spec__.name, "--next", file, str(services), rounds=rounds)
    further = (f"{float(each):.1f}" if each != "inf" else "" for each in following.output.split())
    megabytes = int(text.output) / 2e6
    print(
        f"| {name} | {megabytes:.1f} | {text.seconds * 1000:.0f} | {cold.seconds * 1000:.0f} "
        f"| {cold.megabytes} | {' | '.join(further)} |",
        flush=True,
    )


def write(kind: str, services: int, file: Path) -> None:
    if services:
        write_services(file, services, kind)
    else:
        write_calico(file)


def main(rounds: int = ROUNDS) -> None:
    bare = run(sys.executable, "-c", "pass")
    print(f"Milliseconds of the processor; `python3 -c pass`: {bare.seconds * 1000:.0f}\n")
    print(
        "| node | text, MB | reading it | cold diagnosis | memory, MB | next flow, same node | other node "
        "| two endpoints | one walk |"
    )
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    sizes = {"iptables": (100, 1_000, 10_000, 22_000), "nftables": (100, 1_000, 10_000)}
    nodes = [(mode, services) for mode, listed in sizes.items() for services in listed]
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "snapshot")
        for kind, services in [*nodes, ("Calico", 0)]:
            # By another process: what this one takes would count as memory of those that it starts.
            made = [sys.executable, "-m", __spec__.name, "--write", kind, str(services), file]
            subprocess.run(made, check=True)
            name = f"{kind}, {services:,} services" if services else kind
            measure(name, file, services, rounds)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--write", kind, services, file]:
            write(kind, int(services), Path(file))
        case ["--next", file, services]:
            next_flows(file, int(services))
        case [rounds]:
            main(int(rounds))
        case _:
            main()
