"""The program from end to end: a shipped snapshot with parts changed is asked, by each command."""

from collections.abc import Iterator
from random import Random

from tests.fuzzing import scratch
from tests.fuzzing.codec import MSGPACK
from tests.fuzzing.edits import Whole
from tests.fuzzing.ran import check_ran
from tests.fuzzing.shipped import SNAPSHOTS
from tests.fuzzing.target import Target

FLOWS = (
    *(
        "pod/default/a pod/default/b -p 8080",
        "pod/default/a svc/default/web -p 80",
        "node/n1 pod/default/b -p 8080",
    ),
    *(
        "pod/default/a 10.0.0.2 -p 30080",
        "203.0.113.9 svc/default/web -p 80",
        "pod/default/a pod/default/b -p 8080",
    ),
    "pod/default/a pod/default/b --protocol icmp --size 1500 --df",
    "pod/default/b svc/default/dns -p 53 --protocol udp",
)
OUTPUTS = ("-o table --trace", "-o json", "-o html", "-o svg", "-o markdown", "-o mermaid", "-o d2", "-o dot")
COMMANDS = (
    *(f"diagnose {flow} {output}" for flow, output in zip(FLOWS, OUTPUTS, strict=True)),
    *(
        "check",
        "check -o json",
        "inspect",
        "inspect node/n1",
        "inspect pod/default/b",
        "inspect node/n2 -o json",
    ),
    *("connectivity", "plugins --detect", "policies"),
)
SNAPSHOT = tuple(
    Whole(SNAPSHOTS / f"{name}.skoop") for name in ("healthy-vxlan", "healthy-calico", "two-back-ends")
)


def run(data: bytes) -> None:
    """`[snapshot, command, [edit …]]`."""
    match MSGPACK.read(data):
        case [int(which), int(command), list(edits)]:
            content = SNAPSHOT[which % len(SNAPSHOT)].edited(edits)
            path = scratch.file("edited.skoop", content)
            check_ran([*COMMANDS[command % len(COMMANDS)].split(), "--snapshot", path])


def seeds() -> Iterator[bytes]:
    dice = Random(1)
    for command in range(len(COMMANDS)):
        which = command % len(SNAPSHOT)
        for edits in (0, 1, 4):
            changed = [SNAPSHOT[which].random_edit(dice) for _ in range(edits)]
            yield MSGPACK.encode([which, command, changed])


TARGET = Target(name="ends", run=run, seeds=seeds, codec=MSGPACK, tried=8)
