"""`python -m tests.e2e`: a cluster to work with by hand, until Ctrl-C."""

import signal
import sys

from tests.e2e import cluster
from tests.e2e.errors import ClusterError


def main() -> int:
    try:
        with cluster.running() as made:
            print(f"export KUBECONFIG={made.kubeconfig}")
            for node in made.nodes.values():
                print(f"# {node.name}: {node.address}, {node.proxy_mode}, namespace {node.namespace.name}")
            print("# it ends with Ctrl-C", flush=True)
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
