"""What a long table of one node costs: `python -m tests.bench.long_tables`.

Two nodes, one with so many connections or routes; the whole process of a diagnosis that passes it, of `check`
and of `inspect`. Seconds of the processor and memory, as a Markdown table.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random

from kubectl_skoop.snapshot.dump import NodeDump
from tests.bench.large import write_large
from tests.bench.made.topology import Size, sized

PROGRAM = str(Path(sys.executable).with_name("kubectl-skoop"))
COUNTS = (20_000, 100_000, 200_000)
_SOURCE, _DESTINATION = "pod/team-000/web-000000", "pod/team-000/api-000001"


def connection(number: int) -> object:
    """From a client outside to a pod's port."""
    dice = Random(number)
    client, port = f"203.0.{number >> 8 & 255}.{number & 255}", 1024 + (number >> 16)
    counted = {"packets": dice.randrange(1 << 20), "bytes": dice.randrange(1 << 30)}
    flags = b"\x23\x00"
    tcp = {"state": 3, "wscale_orig": 7, "wscale_reply": 7, "flags_orig": flags, "flags_reply": flags}
    there = {"num": 6, "src_port": port, "dst_port": 8080}
    back = {"num": 6, "src_port": 8080, "dst_port": port}
    return {
        "family": 2,
        "orig": {"ip": {"src": client, "dst": "10.128.0.2"}, "proto": there},
        "reply": {"ip": {"src": "10.128.0.2", "dst": client}, "proto": back},
        "protoinfo": {"tcp": tcp},
        "counters_orig": counted,
        "counters_reply": dict(counted),
        "status": 0x1AE,
        "mark": 0,
        "id": dice.getrandbits(32),
        "use": 1,
        "timeout": dice.randrange(432_000),
    }


def route(number: int) -> object:
    """To one address, by the gateway of the nodes."""
    address = f"11.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    head = {"family": 2, "dst_len": 32, "src_len": 0, "tos": 0, "table": 254, "protocol": 186, "scope": 0}
    return {**head, "type": 1, "flags": 0, "dst": address, "gateway": "10.0.255.254", "oif": 2}


KINDS: dict[str, Callable[[int], object]] = {"conntrack": connection, "routes": route}


def write(path: Path, table: str, count: int) -> None:
    """The first of two nodes has as many more rows."""

    def change(dump: NodeDump) -> NodeDump:
        host, *pods = dump.namespaces
        rows = host.tables[table].data
        if dump.node != "worker-0000" or not isinstance(rows, list):
            return dump
        longer = host.tables[table]._replace(data=[*rows, *map(KINDS[table], range(count))])
        return dump._replace(namespaces=(host._replace(tables={**host.tables, table: longer}), *pods))

    size: Size = sized(2)
    write_large(path, size, change=change)


def cost(*words: str) -> str:
    """`SECONDS | MB` of one run."""
    with subprocess.Popen([PROGRAM, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, _, used = os.wait4(process.pid, 0)
        process.returncode = 0
    return f"{used.ru_utime + used.ru_stime:.1f} | {used.ru_maxrss // 1024}"


def main() -> None:
    """The files are written by processes of their own: a process counts the memory of the one it began in."""
    if len(sys.argv) > 1:
        write(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
        return
    print("| rows | diagnose, s | MB | check, s | MB | inspect, s | MB |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    with tempfile.TemporaryDirectory() as folder:
        for table in KINDS:
            for count in COUNTS:
                path = Path(folder) / f"{table}-{count}.skoop"
                subprocess.run(
                    [sys.executable, "-m", __spec__.name, str(path), table, str(count)], check=True
                )
                found = ("--snapshot", str(path))
                costs = [
                    cost("diagnose", _SOURCE, _DESTINATION, "-p", "8080", *found),
                    cost("check", *found),
                    cost("inspect", "node/worker-0000", table, *found),
                ]
                print(f"| {count:,} {table} | {' | '.join(costs)} |", flush=True)
                path.unlink()


if __name__ == "__main__":
    main()
