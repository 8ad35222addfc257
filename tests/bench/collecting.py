"""What a collector costs on its node (root): 100 pods, 50,000 rules, 100,000 connections. Prints Markdown.

The node is a namespace with kube-proxy's rules for 10,000 services, in each back end in turn, and 100 pods on
veths. The agent runs as in its pod: a process that sends its dump to a pipe. The memory of the tools that it
starts (iptables-save) is told apart, as both are limited together.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from kubectl_skoop.testing.netns import Namespace, create, delete, lab_prefix
from tests.bench.services import saved, services

PODS = 100
ENDPOINTS = 1
CONNECTIONS = 100_000
"""As many as are kept of a namespace; conntrack's own limit is often 65,536 a core."""
NFACCT = "-m nfacct --nfacct-name ct_state_invalid_dropped_pkts "
"""An object that the rule would need first."""
ROUNDS = 5
PROGRAM = Path(sys.executable).with_name("kubectl-skoop")


@dataclass(frozen=True, slots=True)
class Cost:
    seconds: float
    processor: float
    agent: int
    """Peak memory, bytes."""
    tools: int
    """Of the largest of them."""
    sent: int
    """Bytes."""


@contextmanager
def node(back_end: str, text: str) -> Iterator[tuple[Namespace, list[Namespace]]]:
    prefix = lab_prefix()
    host = Namespace(f"{prefix}h")
    pods = [Namespace(f"{prefix}p{number}") for number in range(PODS)]
    create([host.name, *(pod.name for pod in pods)])
    try:
        lines = ["link add cni0 type bridge", "link set cni0 up"]
        for number, pod in enumerate(pods):
            lines += [
                f"link add v{number} type veth peer name eth0 netns {pod.name}",
                f"link set v{number} master cni0",
                f"link set v{number} up",
            ]
        host.run("ip", "-batch", "-", text="\n".join(lines))
        host.run(f"iptables-{back_end}-restore", text=text)
        yield host, pods
    finally:
        delete([host.name, *(pod.name for pod in pods)])


@contextmanager
def tracking(entries: int) -> Iterator[Namespace]:
    """A node with so many connections of pods to services."""
    made = Namespace(f"{lab_prefix()}h")
    create([made.name])
    try:
        made.run("iptables", "-A", "INPUT", "-m", "conntrack", "--ctstate", "NEW")
        with NamedTemporaryFile("w", suffix=".conntrack") as file:
            file.writelines(_entry(number) for number in range(entries))
            file.flush()
            made.run("conntrack", "-R", file.name)
        yield made
    finally:
        delete([made.name])


def _entry(number: int) -> str:
    pod, port = f"10.{number >> 14}.{number >> 7 & 127}.{number & 127 | 1}", 1024 + number % 60_000
    return (
        f"-A -p tcp -s {pod} -d 10.96.0.{number % 250 + 1} --sport {port} --dport 80 --state ESTABLISHED "
        f"-r 10.244.{number % 200}.{number % 250} -q {pod} --reply-port-src 8080 --reply-port-dst {port} "
        "-u SEEN_REPLY,ASSURED -t 6000\n"
    )


def measure(host: Namespace, pods: list[Namespace], conntrack: str = "all") -> Cost:
    words = [str(PROGRAM), "collect", "--node", "n1", "--file", "-", "--host-netns", str(host.path)]
    words += ["--conntrack", conntrack]
    for number, pod in enumerate(pods):
        words += ["--netns", f"shop/p{number}={pod.path}"]
    began = time.perf_counter()
    # An interpreter between, whose only children are the agent and its tools.
    code = (
        "import resource, subprocess, sys, json\n"
        "agent = subprocess.Popen(sys.argv[1:], stdout=subprocess.PIPE)\n"
        "sent, peak = 0, 0\n"
        "while part := agent.stdout.read(1 << 16):\n"
        "    sent += len(part)\n"
        "    for line in open(f'/proc/{agent.pid}/status'):\n"
        "        if line.startswith('VmHWM'): peak = max(peak, int(line.split()[1]) * 1024)\n"
        "agent.wait()\n"
        "used = resource.getrusage(resource.RUSAGE_CHILDREN)\n"
        "print(json.dumps([sent, peak, used.ru_maxrss * 1024, used.ru_utime + used.ru_stime]))\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - began
    sent, peak, largest, processor = json.loads(done.stdout)
    return Cost(seconds, processor, peak, largest, sent)


def main() -> int:
    if os.geteuid() != 0:
        print("error: network namespaces need root", file=sys.stderr)
        return 2
    text = saved(tuple(services(ENDPOINTS))).replace(NFACCT, "")
    rules = text.count("\n-A ")
    print("| back end | rules | pods | s | processor, s | agent, MB | largest tool, MB | sent, MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    for back_end in ("legacy", "nft"):
        with node(back_end, text) as (host, pods):
            best = min((measure(host, pods) for _ in range(ROUNDS)), key=lambda cost: cost.seconds)
        print(
            f"| {back_end} | {rules:,} | {PODS} | {best.seconds:.1f} | {best.processor:.1f} "
            f"| {best.agent / 1e6:.0f} | {best.tools / 1e6:.0f} | {best.sent / 1e6:.1f} |"
        )
    print("\n| connections | kept | s | processor, s | agent, MB | sent, MB |")
    print("| ---: | --- | ---: | ---: | ---: | ---: |")
    with tracking(CONNECTIONS) as host:
        for kept, conntrack in (("all", "all"), ("one flow's", "10.0.0.1,10.96.0.1"), ("none", "none")):
            best = min((measure(host, [], conntrack) for _ in range(ROUNDS)), key=lambda cost: cost.seconds)
            print(
                f"| {CONNECTIONS:,} | {kept} | {best.seconds:.1f} | {best.processor:.1f} "
                f"| {max(best.agent, best.tools) / 1e6:.0f} | {best.sent / 1e6:.1f} |"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
