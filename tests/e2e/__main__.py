"""`python -m tests.e2e`: a cluster to work with by hand, until Ctrl-C."""

import argparse
import signal
import sys

from tests.e2e import binaries, cluster, workloads
from tests.e2e.errors import ClusterError


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.e2e", description=__doc__)
    parser.add_argument("--nodes", type=int, default=3)
    parser.add_argument("--version", default=binaries.VERSION, help="of Kubernetes")
    parser.add_argument("--workloads", action="store_true", help="with the pods and services of the tests")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with cluster.running(asked.nodes, version=asked.version) as made:
            if asked.workloads:
                workloads.deployed(made)
            print(f"export KUBECONFIG={made.kubeconfig}")
            for node in made.nodes.values():
                print(f"# {node.name}: {node.address}, {node.proxy_mode}, namespace {node.namespace.name}")
            print("# it ends with Ctrl-C", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        return 0
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
