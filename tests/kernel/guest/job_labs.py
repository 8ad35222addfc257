"""Runs inside the guest: each lab is built, collected by our agent, and asked with real packets."""

import json
import sys
from pathlib import Path

from kubectl_skoop.snapshot.assemble import write_node_dump
from kubectl_skoop.testing.netns import LabError
from kubectl_skoop.testing.trap import Trap, observe
from kubectl_skoop.testing.trap_probes import QUIET


def main(folder: Path) -> None:
    job = json.loads((folder / "labs.json").read_text())
    quiet = QUIET * job["slower"]
    for number, fields in enumerate(job["labs"]):
        found = told(Trap(**fields), folder / f"{number}.dump", quiet)
        (folder / f"{number}.json").write_text(json.dumps(found))


def told(tested: Trap, path: Path, quiet: float) -> list[str] | str:
    """What the kernel did with each flow; a text: why the lab could not be built."""
    try:
        dump, answers = observe(tested, quiet=quiet, settle=True)
    except LabError as error:
        return str(error)
    write_node_dump(dump, path)
    return answers


if __name__ == "__main__":
    main(Path(sys.argv[1]))
