"""What reading the rules of all nodes costs, as text: `python -m tests.bench.rules_text FILE`."""

import sys

from kubectl_skoop.model.missing import NotCollected
from kubectl_skoop.model.place import Place
from kubectl_skoop.snapshot.source import open_snapshot

TABLES = ("iptables-nft", "iptables-legacy", "nft", "ipset")


def main(file: str) -> None:
    """Prints the number of characters."""
    snapshot = open_snapshot(file)
    size = 0
    for node in snapshot.nodes():
        tables = snapshot.raw_tables(Place("node", node))
        if not isinstance(tables, NotCollected):
            size += sum(len(str(tables[name].data)) for name in TABLES)
    print(size)


if __name__ == "__main__":
    main(sys.argv[1])
