"""A made-up cluster as a snapshot: `python -m tests.bench.large FILE [NODES]`."""

import signal
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.snapshot.assemble import new_header
from kubectl_skoop.snapshot.dump import NodeDump
from kubectl_skoop.snapshot.source import open_snapshot
from kubectl_skoop.snapshot.write import writing
from tests.bench.made.kernel import Kernels
from tests.bench.made.objects import KINDS, flannel
from tests.bench.made.topology import MadeNode, Size, sized

RECORDED = Path(__file__).parents[2] / "snapshots" / "dead-backend.skoop"
NODES = 5_000
SOURCE, SERVICE = "pod/team-001/api-000001", "svc/team-001/api-1"
"""Of a question whose answer is on another node."""


def write_large(
    path: Path,
    size: Size,
    made: Collection[int] | None = None,
    stop: Callable[[], bool] = lambda: False,
    change: Callable[[NodeDump], NodeDump] = lambda dump: dump,
) -> None:
    """`made`: nodes with state of their own; the others hold a recorded node's, which is quickly written.

    `stop`: whether the rest is to be left out. `change`: what else becomes of a node of the first kind.
    """
    source = open_snapshot(RECORDED)
    try:
        recorded = source.node_dump("n1")
        assert not isinstance(recorded, NotCollected)
        bare = recorded.namespaces[0]._replace(pods=())
        kernels = Kernels(size, recorded)
        with writing(path, new_header(0.0)) as writer:
            for kind in ("ConfigMap", "DaemonSet"):
                found = source.objects(kind)
                assert not isinstance(found, NotCollected)
                writer.add_objects(kind, [flannel(item) if kind == "ConfigMap" else item for item in found])
            for kind, items in KINDS.items():
                stream = writer.objects(kind)
                for item in items(size):
                    stream.add(item)
                stream.finish()
            for number in range(size.nodes):
                if stop():
                    writer.add_missing_node(MadeNode(number).name, "not collected", "stopped before it")
                elif made is None or number in made:
                    writer.add_node(change(kernels.node(number)))
                else:
                    writer.add_node(recorded._replace(node=MadeNode(number).name, namespaces=(bare,)))
    finally:
        source.close()


def main() -> None:
    """Takes about 0.25 s for a node; after Ctrl-C the nodes that are left count as not collected."""
    path = Path(sys.argv[1])
    size = sized(int(sys.argv[2]) if len(sys.argv) > 2 else NODES)
    interrupted: list[int] = []
    signal.signal(signal.SIGINT, lambda number, _: interrupted.append(number))
    start = time.monotonic()
    write_large(path, size, stop=lambda: bool(interrupted))
    took, memory = time.monotonic() - start, getrusage(RUSAGE_SELF).ru_maxrss / 1024
    megabytes = path.stat().st_size / 1e6
    print(f"{path}: {size.nodes:,} nodes, {megabytes:.1f} MB in {took:.0f} s, memory {memory:.0f} MB")


if __name__ == "__main__":
    main()
