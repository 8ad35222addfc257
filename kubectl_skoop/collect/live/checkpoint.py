"""The dumps that have arrived, in a folder: a run that is killed goes on where it was."""

import hashlib
import json
from pathlib import Path
from typing import NamedTuple


class Arrived(NamedTuple):
    """A node's dump, and when the node was told to read, by the API server's clock."""

    file: Path
    told: float


class Checkpoint:
    """A dump counts once `keep` has said so; what was being written then is written anew."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def target(self, node: str) -> Path:
        """Where the node's dump is to be written."""
        return self._folder / f"{hashlib.sha256(node.encode()).hexdigest()[:16]}.dump"

    def keep(self, node: str, arrived: Arrived) -> None:
        """The dump is whole."""
        entry = self._entry(node)
        partial = entry.with_suffix(".partial")
        partial.write_text(json.dumps({"node": node, "told": arrived.told}))
        partial.replace(entry)

    def find(self, node: str) -> Arrived | None:
        """The node's dump that is whole."""
        try:
            kept = json.loads(self._entry(node).read_text())
        except (OSError, ValueError, RecursionError):
            return None
        match kept:
            case {"node": str(name), "told": float(told)} if name == node:
                return Arrived(self.target(node), told)
            case _:
                return None

    def drop(self, node: str) -> None:
        """The dump is not needed, or is worth nothing."""
        self._entry(node).unlink(missing_ok=True)
        self.target(node).unlink(missing_ok=True)

    def _entry(self, node: str) -> Path:
        return self.target(node).with_suffix(".json")
